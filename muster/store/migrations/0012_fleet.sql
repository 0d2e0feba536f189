-- What instances say of themselves, what operators order, and how healthy each is at the moment of looking; tasks
-- that wait for an agent that can do them.

ALTER TABLE agent_instance
    ADD COLUMN tenant             text    NOT NULL DEFAULT 'default' CHECK (length(tenant) BETWEEN 1 AND 256),
    ADD COLUMN agent_type         text    NOT NULL DEFAULT 'worker'
        CHECK (agent_type IN ('worker', 'provider', 'consumer', 'general', 'coordinator', 'specialist', 'monitor',
                              'gateway', 'orchestrator', 'inference', 'training', 'processing')),
    ADD COLUMN reported           text    NOT NULL DEFAULT 'active'   -- what it says of itself
        CHECK (reported IN ('active', 'busy', 'inactive', 'maintenance', 'error', 'unhealthy', 'spawning', 'terminating')),
    ADD COLUMN ordered            text                                -- an operator's word: no heartbeat changes it
        CHECK (ordered IN ('maintenance', 'inactive')),
    ADD COLUMN capabilities       text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN services           text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN tags               text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN endpoint           jsonb   NOT NULL DEFAULT '{}',      -- {"url", "method", "timeout"}
    ADD COLUMN endpoints          jsonb   NOT NULL DEFAULT '{}',      -- name to URL
    ADD COLUMN capacity           integer NOT NULL DEFAULT 100 CHECK (capacity > 0),
    ADD COLUMN load_metrics       jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(load_metrics) = 'object'),
    ADD COLUMN heartbeat_seconds  integer NOT NULL DEFAULT 30 CHECK (heartbeat_seconds > 0),
    ADD COLUMN stale_seconds      integer NOT NULL DEFAULT 120,       -- silent for longer, it counts as stale
    ADD CONSTRAINT agent_instance_stale CHECK (stale_seconds > 2 * heartbeat_seconds);

CREATE INDEX agent_instance_tenant ON agent_instance (tenant, last_heartbeat);

-- A metric as a number; what is none counts as nothing.
CREATE FUNCTION agent_metric_v1(metrics jsonb, name text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(metrics -> name) = 'number' THEN (metrics ->> name)::float8 ELSE 0 END
$$;

-- How much of an instance is taken, 0 to 1 and above: the largest of its shares. Counts are shares of its capacity, `cpu`
-- and `memory` are shares already; numbers of different units are never added up. Other metrics are kept and mean nothing.
CREATE FUNCTION agent_instance_load_v1(running integer, capacity integer, metrics jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(running::float8 / capacity,
                    (agent_metric_v1(metrics, 'active_connections') + agent_metric_v1(metrics, 'pending_tasks')) / capacity,
                    agent_metric_v1(metrics, 'cpu'), agent_metric_v1(metrics, 'memory'), 0)
$$;

-- What an instance is now. An operator's word comes before what it says itself, and both before its silence.
CREATE FUNCTION agent_instance_condition_v1(status text, ordered text, reported text, silent boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN status = 'stopped' THEN 'inactive'
                WHEN ordered IS NOT NULL THEN ordered
                WHEN silent THEN 'stale'
                WHEN status = 'draining' THEN 'terminating'
                ELSE reported END
$$;

-- 0 to 1. It falls with the age of the last heartbeat: not at all while that is on time, by half until it is stale, and on.
CREATE FUNCTION agent_instance_health_v1(condition text, age float8, heartbeat integer, stale integer, load float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN condition = 'inactive' THEN 0
           ELSE round(greatest(0, 1
                - 0.5 * greatest(0, (age - heartbeat) / (stale - heartbeat))
                - CASE WHEN load > 0.8 THEN 0.3 WHEN load > 0.6 THEN 0.1 ELSE 0 END
                - CASE condition WHEN 'busy' THEN 0.1 WHEN 'maintenance' THEN 0.2
                                 WHEN 'active' THEN 0 WHEN 'stale' THEN 0 ELSE 0.5 END)::numeric, 3)::float8 END
$$;

-- Instances as they are at the moment of looking.
CREATE VIEW agent_instance_now_v1 AS
SELECT n.*, agent_instance_health_v1(n.condition, n.age_seconds, n.heartbeat_seconds, n.stale_seconds, n.load) AS health_score
  FROM (SELECT i.instance_id, i.tenant, i.kind, i.agent_type, i.reported, i.ordered, i.hostname, i.pid, i.version, i.code_version,
               i.deployment, i.url, i.endpoint, i.endpoints, i.capabilities, i.services, i.tags, i.metadata, i.capacity,
               i.running_jobs, i.load_metrics, i.heartbeat_seconds, i.stale_seconds, i.started_at, i.last_heartbeat, i.stopped_at,
               greatest(0, extract(epoch FROM now() - i.last_heartbeat))::float8 AS age_seconds,
               agent_instance_load_v1(i.running_jobs, i.capacity, i.load_metrics) AS load,
               agent_instance_condition_v1(i.status, i.ordered, i.reported,
                   i.status = 'stale' OR i.last_heartbeat < now() - make_interval(secs => i.stale_seconds)) AS condition,
               array(SELECT l.agent_id FROM agent_instance_agent l
                      WHERE l.instance_id = i.instance_id ORDER BY l.agent_id) AS agents
          FROM agent_instance i) n;

-- Whether an agent's id is free for whoever registers by hand: no stack has it, and no other tenant. Looks after waiting
-- for registrations that are under way; the lock is freed at the end of the transaction.
CREATE FUNCTION agent_registry_free_v1(of_agent text, for_tenant text, lock_key bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock_key);
    RETURN NOT EXISTS (SELECT 1 FROM agent_registry r
                        WHERE r.agent_id = of_agent AND (r.tenant <> for_tenant OR r.active AND r.owner IS NOT NULL));
END $$;

-- Tasks that name no agent but what it must be able to do. Once one is found the task is its job, of the same id.
CREATE TABLE task (
    tenant        text        NOT NULL DEFAULT 'default' CHECK (length(tenant) BETWEEN 1 AND 256),
    task_id       text        NOT NULL CHECK (length(task_id) BETWEEN 1 AND 256),
    requirements  jsonb       NOT NULL CHECK (jsonb_typeof(requirements) = 'object'),
    params        jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
    priority      text        NOT NULL DEFAULT 'normal',
    traceparent   text,
    agent_id      text,                                -- the agent that was chosen
    execution_id  uuid,                                -- its job; null: it waits
    searches      integer     NOT NULL DEFAULT 0,      -- how often an agent was looked for in vain
    search_after  timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    routed_at     timestamptz,
    closed_at     timestamptz,                         -- called off while it waited
    reason        text,
    PRIMARY KEY (tenant, task_id)
);

CREATE INDEX task_waiting ON task (search_after) WHERE routed_at IS NULL AND closed_at IS NULL;
CREATE INDEX task_created ON task (created_at);
