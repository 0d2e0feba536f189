-- The registry, the run ledger and the leases. Every default lives here, so that plain SQL is a way in.
-- Runs on PostgreSQL 15 to 18.

-- Agents: one row per version, at most one active version per agent.
CREATE TABLE agent_registry (
    agent_id         text        NOT NULL CHECK (agent_id ~ '^[a-z][a-z0-9-]{1,62}$'),
    agent_version    text        NOT NULL DEFAULT '0.0.0' CHECK (agent_version <> ''),
    tenant           text        NOT NULL DEFAULT 'default',
    name             text,
    description      text        NOT NULL DEFAULT '',
    compute          text        NOT NULL DEFAULT 'http' CHECK (compute IN ('lambda', 'fargate', 'http')),
    endpoint         jsonb       NOT NULL DEFAULT '{}',  -- {"type": "sqs", "queues": {lane: url}, "dlq": url, "function": name} or {"type": "http", "url": ...}
    input_schema     jsonb,
    output_schema    jsonb,
    config_schema    jsonb,
    default_config   jsonb       NOT NULL DEFAULT '{}',
    enabled          boolean     NOT NULL DEFAULT true,  -- the operator's switch
    active           boolean     NOT NULL DEFAULT true,  -- the version that is deployed
    health_check     jsonb,
    metadata         jsonb       NOT NULL DEFAULT '{}',
    capabilities     text[]      NOT NULL DEFAULT '{}',
    tags             text[]      NOT NULL DEFAULT '{}',
    retries          integer     NOT NULL DEFAULT 4 CHECK (retries >= 0),
    timeout_seconds  integer     NOT NULL DEFAULT 120 CHECK (timeout_seconds > 0),
    concurrency      integer     NOT NULL DEFAULT 20 CHECK (concurrency > 0),
    manifest         jsonb,
    manifest_digest  text,
    owner            text,       -- the stack that registered it; null: registered by hand
    last_heartbeat   timestamptz,
    retired_at       timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, agent_version)
);

CREATE UNIQUE INDEX agent_registry_one_active ON agent_registry (agent_id) WHERE active;

-- Registering another version, in whatever way, retires the one that was active.
CREATE FUNCTION agent_registry_supersede_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.active THEN
        UPDATE agent_registry SET active = false, updated_at = now()
         WHERE agent_id = NEW.agent_id AND agent_version <> NEW.agent_version AND active;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER agent_registry_supersede BEFORE INSERT OR UPDATE OF active ON agent_registry
    FOR EACH ROW EXECUTE FUNCTION agent_registry_supersede_v1();

-- An operator's changes of an agent's configuration; the highest version holds, history stays.
CREATE TABLE agent_config (
    agent_id    text        NOT NULL,
    version     integer     NOT NULL DEFAULT 1,
    tenant      text        NOT NULL DEFAULT 'default',
    config      jsonb       NOT NULL DEFAULT '{}',
    created_by  text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, version)
);

-- Idempotency: one execution per (agent, job id). A unique constraint cannot span time partitions, this table can.
CREATE TABLE job_key (
    agent_id      text        NOT NULL,
    job_id        text        NOT NULL,
    execution_id  uuid        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),  -- partition key of the execution
    PRIMARY KEY (agent_id, job_id)
) PARTITION BY HASH (agent_id, job_id);

CREATE TABLE job_key_0 PARTITION OF job_key FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE job_key_1 PARTITION OF job_key FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE job_key_2 PARTITION OF job_key FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE job_key_3 PARTITION OF job_key FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- One row per job, whatever happens to it.
CREATE TABLE agent_job_execution (
    execution_id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at           timestamptz NOT NULL DEFAULT now(),
    job_id               text        NOT NULL,
    agent_id             text        NOT NULL,
    agent_version        text        NOT NULL DEFAULT '0.0.0',
    tenant               text        NOT NULL DEFAULT 'default',
    status               text        NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    fence                bigint      NOT NULL DEFAULT 0,     -- rises at every claim, never falls
    attempts             integer     NOT NULL DEFAULT 0,     -- charged to the retry budget
    max_attempts         integer     NOT NULL DEFAULT 5,
    priority             text        NOT NULL DEFAULT 'normal',
    source               text        NOT NULL DEFAULT 'queue',
    params               jsonb       NOT NULL DEFAULT '{}',
    body                 text,                               -- the message as it came, when it could not be understood
    state                jsonb,                              -- what job.checkpoint() saved
    result               jsonb,
    result_ref           text,                               -- s3://bucket/key of a result too large for the row
    error                jsonb,
    metrics              jsonb,
    reason               text,                               -- why it was cancelled or handed back
    holder               text,                               -- message id that carries the job
    claim_token          uuid,
    worker               text,
    log_stream           text,
    code_version         text,
    available_at         timestamptz NOT NULL DEFAULT now(), -- a pending row starts no earlier
    relay_after          timestamptz DEFAULT now(),          -- a pending row is sent again after this
    relays               integer     NOT NULL DEFAULT 0,
    lease_expires_at     timestamptz,
    suspect              boolean     NOT NULL DEFAULT false, -- its last attempt vanished
    dlq_pending          boolean     NOT NULL DEFAULT false, -- its dead letter is still to be sent
    cancel_requested_at  timestamptz,
    redrives             integer     NOT NULL DEFAULT 0,
    scheduled_for        timestamptz,
    traceparent          text,
    hops                 integer     NOT NULL DEFAULT 0,
    queued_at            timestamptz NOT NULL DEFAULT now(), -- latency counts from here
    started_at           timestamptz,
    completed_at         timestamptz,
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (execution_id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX agent_job_execution_relay ON agent_job_execution (relay_after) WHERE status = 'pending';
CREATE INDEX agent_job_execution_lease ON agent_job_execution (lease_expires_at) WHERE status = 'running';
CREATE INDEX agent_job_execution_dlq ON agent_job_execution (updated_at) WHERE dlq_pending;
CREATE INDEX agent_job_execution_agent ON agent_job_execution (agent_id, created_at);

-- Every transition, appended. (xid, id) orders it without gaps below pg_snapshot_xmin.
CREATE SEQUENCE execution_event_id AS bigint;

CREATE TABLE execution_event (
    id            bigint      NOT NULL DEFAULT nextval('execution_event_id'),
    xid           xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at            timestamptz NOT NULL DEFAULT now(),
    execution_id  uuid        NOT NULL,
    agent_id      text        NOT NULL,
    kind          text        NOT NULL,  -- created claimed completed failed retried snoozed handed_back lost rescued relayed redriven cancelled duplicate redelivered cancel_requested dead_lettered
    from_status   text,
    to_status     text,
    fence         bigint,
    attempt       integer,
    reason        text,
    message_id    text
) PARTITION BY RANGE (at);

CREATE INDEX execution_event_execution ON execution_event (execution_id, id);

-- Creates the monthly partitions that cover [from_time, from_time + months]. Rows that fell into the
-- default partition meanwhile are moved, so that a late sweep loses nothing.
CREATE FUNCTION muster_ensure_partitions_v1(from_time timestamptz, months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    first_month timestamptz := date_trunc('month', from_time AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    lower_bound timestamptz;
    upper_bound timestamptz;
    parent text;
    key_column text;
    child text;
    made integer := 0;
BEGIN
    FOR parent, key_column IN VALUES ('agent_job_execution', 'created_at'), ('execution_event', 'at') LOOP
        FOR i IN 0..months LOOP
            lower_bound := (first_month AT TIME ZONE 'UTC' + make_interval(months => i)) AT TIME ZONE 'UTC';
            upper_bound := (first_month AT TIME ZONE 'UTC' + make_interval(months => i + 1)) AT TIME ZONE 'UTC';
            child := parent || '_' || to_char(lower_bound AT TIME ZONE 'UTC', 'YYYYMM');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                           parent || '_default', key_column, lower_bound, key_column, upper_bound, child);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, lower_bound, upper_bound);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

CREATE TABLE agent_job_execution_default PARTITION OF agent_job_execution DEFAULT;
CREATE TABLE execution_event_default PARTITION OF execution_event DEFAULT;
SELECT muster_ensure_partitions_v1(now(), 2);

-- Who does the periodic work. The fence comes from a sequence, so deleting a row never repeats one.
CREATE SEQUENCE lease_fence AS bigint;

CREATE TABLE lease (
    name        text        PRIMARY KEY,
    holder      text        NOT NULL,
    fence       bigint      NOT NULL DEFAULT nextval('lease_fence'),
    acquired_at timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL
);
