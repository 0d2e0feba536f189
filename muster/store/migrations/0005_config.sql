-- What a job's request sets of its agent's configuration, and which of the operator's changes its last attempt ran with.
ALTER TABLE agent_job_execution
    ADD COLUMN config jsonb,             -- the request's; null: it says nothing
    ADD COLUMN config_version integer;   -- of agent_config; 0: nobody had changed anything

-- Every version is the whole set of changes, so that the highest one alone is read.
ALTER TABLE agent_config
    ADD CONSTRAINT agent_config_object CHECK (jsonb_typeof(config) = 'object'),
    ADD CONSTRAINT agent_config_version CHECK (version > 0);
