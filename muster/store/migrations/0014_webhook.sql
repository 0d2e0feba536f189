-- Webhooks, and what of an execution says that a delivery made it.

-- Paths of the HTTP API, POST /hooks/{agent}/{name}. The secret that a sender shares is in Secrets Manager, under a
-- name that follows from the stage, the agent and the webhook; nothing of it is here.
CREATE TABLE webhook_endpoint (
    agent_id          text        NOT NULL CHECK (agent_id ~ '^[a-z][a-z0-9-]{1,62}$'),
    name              text        NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
    tenant            text        NOT NULL DEFAULT 'default' CHECK (length(tenant) BETWEEN 1 AND 256),
    verify            text        NOT NULL DEFAULT 'standard-webhooks'
                                  CHECK (verify IN ('standard-webhooks', 'github', 'stripe', 'slack', 'hmac')),
    signature_header  text,                                  -- hmac only; null: x-signature
    headers           text[]      NOT NULL DEFAULT '{}',     -- that jobs are told of besides the scheme's
    priority          text        NOT NULL DEFAULT 'normal',
    owner             text,                                  -- manifest: comes and goes with it; null: made by hand
    retired_at        timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, name)
);

-- A delivery is one execution: its id makes the job id, whose key is the replay store. The digest tells the same
-- delivery that comes again from another one under its id.
ALTER TABLE agent_job_execution
    ADD COLUMN webhook        text,                          -- name of the webhook that it came by
    ADD COLUMN webhook_digest bytea;                         -- SHA-256 of the delivery's body
