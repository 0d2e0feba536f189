-- Processes that run jobs, each with a heartbeat, and the agents that they serve.

CREATE TABLE agent_instance (
    instance_id     text        PRIMARY KEY CHECK (length(instance_id) BETWEEN 1 AND 200),
    kind            text        NOT NULL DEFAULT 'http' CHECK (kind IN ('listener', 'http')),
    status          text        NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'draining', 'stopped', 'stale')),
    hostname        text,
    pid             integer,
    version         text,                               -- of the agent's manifest, or what the process calls its own
    code_version    text,
    deployment      text,                               -- the task definition it was started from
    url             text,                               -- where it answers, if it does
    running_jobs    integer     NOT NULL DEFAULT 0,
    metadata        jsonb       NOT NULL DEFAULT '{}',
    started_at      timestamptz NOT NULL DEFAULT now(),
    last_heartbeat  timestamptz NOT NULL DEFAULT now(),
    stopped_at      timestamptz
);

CREATE INDEX agent_instance_heartbeat ON agent_instance (last_heartbeat);

-- Which agents an instance serves; a link goes with its instance.
CREATE TABLE agent_instance_agent (
    instance_id  text NOT NULL REFERENCES agent_instance ON DELETE CASCADE,
    agent_id     text NOT NULL,
    PRIMARY KEY (instance_id, agent_id)
);

CREATE INDEX agent_instance_agent_agent ON agent_instance_agent (agent_id);
