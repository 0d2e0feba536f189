-- Which migrations of agents ran: those of the folder `migrations/` beside an agent's code, each in the schema of
-- its agent.

CREATE TABLE agent_migration (
    agent_id    text        NOT NULL CHECK (agent_id ~ '^[a-z][a-z0-9-]{1,62}$'),
    version     integer     NOT NULL,
    name        text        NOT NULL,
    checksum    text        NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, version)
);
