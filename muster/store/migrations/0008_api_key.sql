-- Keys of the HTTP API, and how fast their holders may call it.

-- The secret itself is nowhere: it has 256 random bits, so a digest without salt tells nobody what it is.
CREATE TABLE api_key (
    key_id          text        PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{16}$'),
    digest          bytea       NOT NULL CHECK (length(digest) = 32),  -- SHA-256 over id and secret
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    role            text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'agent')),
    scopes          text[],                                            -- null: all that its role has
    tenant          text        NOT NULL DEFAULT 'default' CHECK (length(tenant) BETWEEN 1 AND 256),
    active          boolean     NOT NULL DEFAULT true,                 -- the operator's switch
    replaces        text        REFERENCES api_key,                    -- the key that a rotation made it for
    expires_at      timestamptz,
    last_used_at    timestamptz,                                       -- some minutes behind
    deactivated_at  timestamptz,
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX api_key_replaces ON api_key (replaces);

-- How far ahead of its rate a caller is. Unlogged: after a crash everybody begins anew, and no call waits for a disk.
CREATE UNLOGGED TABLE call_rate (
    subject   text        PRIMARY KEY CHECK (length(subject) <= 300),
    ready_at  timestamptz NOT NULL  -- when the calls so far are paid for
);
