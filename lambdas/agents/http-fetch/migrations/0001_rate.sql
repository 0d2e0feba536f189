-- When each host may be called again, for all workers.
CREATE TABLE rate (
    host         text        PRIMARY KEY,
    -- Rises by one interval with every call. A call passes while it is no more than the burst ahead of now.
    free_at      timestamptz NOT NULL,
    -- The last moment that a job which had to wait was told to come back at.
    promised_at  timestamptz NOT NULL,
    -- How long the job that asked last has to wait; 0: it may call.
    wait_seconds float8      NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX rate_free_at ON rate (free_at);
