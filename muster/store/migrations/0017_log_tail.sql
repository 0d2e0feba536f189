-- The last of what a job logged, over its attempts.
ALTER TABLE agent_job_execution ADD COLUMN log_tail text;
