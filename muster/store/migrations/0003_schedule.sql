-- Schedules, and which of them an execution comes from.

-- A schedule fires at its planned times, each at most once: (agent, tenant, name, generation, planned time) makes
-- the job id. Whatever changes what it does, in whatever way, raises its generation; see the trigger below.
CREATE TABLE agent_schedule (
    agent_id         text        NOT NULL CHECK (agent_id ~ '^[a-z][a-z0-9-]{1,62}$'),
    tenant           text        NOT NULL DEFAULT 'default' CHECK (length(tenant) BETWEEN 1 AND 128),
    name             text        NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
    generation       integer     NOT NULL DEFAULT 1,
    kind             text        NOT NULL DEFAULT 'cron' CHECK (kind IN ('cron', 'every', 'at')),
    expression       text        NOT NULL CHECK (expression <> ''),   -- five fields; 10m; 2026-01-31T09:00:00
    timezone         text        NOT NULL DEFAULT 'UTC',              -- IANA name
    params           jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
    priority         text        NOT NULL DEFAULT 'normal',
    overlap          text        NOT NULL DEFAULT 'allow' CHECK (overlap IN ('allow', 'skip', 'queue')),
    missed           text        NOT NULL DEFAULT 'latest' CHECK (missed IN ('skip', 'latest', 'all')),
    start_at         timestamptz,                                     -- nothing fires before; rates count from here
    end_at           timestamptz,                                     -- nothing fires later
    jitter_seconds   integer     NOT NULL DEFAULT 0 CHECK (jitter_seconds BETWEEN 0 AND 600),
    enabled          boolean     NOT NULL DEFAULT true,               -- what its manifest says
    paused           boolean     NOT NULL DEFAULT false,              -- the operator's switch
    effective_at     timestamptz NOT NULL DEFAULT clock_timestamp(),  -- this generation fires only what is planned later
    next_at          timestamptz DEFAULT '-infinity',                 -- planned time to fire next; null: none; -infinity: a tick shall plan it
    last_planned_at  timestamptz,                                     -- planned time of the last fire
    problem          text,                                            -- why it cannot be planned
    owner            text,                                            -- manifest: comes and goes with it; null: made by hand
    retired_at       timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, tenant, name)
);

-- All that a tick looks at: a million schedules cost it nothing until they are due.
CREATE INDEX agent_schedule_due ON agent_schedule (next_at)
    WHERE enabled AND NOT paused AND retired_at IS NULL AND next_at IS NOT NULL;

ALTER TABLE agent_job_execution
    ADD COLUMN schedule text,                 -- name of the schedule that fired it
    ADD COLUMN schedule_generation integer;

CREATE INDEX agent_job_execution_schedule ON agent_job_execution (agent_id, schedule)
    WHERE schedule IS NOT NULL AND status IN ('pending', 'running');

-- Calls off what a schedule fired and no worker has taken yet.
CREATE FUNCTION agent_schedule_cancel_v1(of_agent text, of_tenant text, of_name text, why text) RETURNS void LANGUAGE sql AS $$
    WITH unstarted AS (
        SELECT execution_id, created_at FROM agent_job_execution
         WHERE agent_id = of_agent AND tenant = of_tenant AND schedule = of_name AND status = 'pending' AND fence = 0
         ORDER BY execution_id
           FOR UPDATE
    ),
    cancelled AS (
        UPDATE agent_job_execution e
           SET status = 'cancelled', reason = why, relay_after = NULL, completed_at = now(), updated_at = now()
          FROM unstarted u
         WHERE e.execution_id = u.execution_id AND e.created_at = u.created_at
        RETURNING e.execution_id, e.fence, e.attempts
    )
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, of_agent, 'cancelled', 'pending', 'cancelled', c.fence, c.attempts, why FROM cancelled c
$$;

-- Edit, pause, resume, retire: the old generation's fires that have not started are called off, the new one plans
-- from this moment on. The moment is taken last, so that it is later than the start of everything that still runs
-- of the old generation: no planned time is fired by both.
CREATE FUNCTION agent_schedule_change_v1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fired boolean := OLD.enabled AND NOT OLD.paused AND OLD.retired_at IS NULL;
    fires boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM agent_schedule_cancel_v1(OLD.agent_id, OLD.tenant, OLD.name, 'schedule_deleted');
        RETURN OLD;
    END IF;
    fires := NEW.enabled AND NOT NEW.paused AND NEW.retired_at IS NULL;
    IF fired = fires
       AND (OLD.kind, OLD.expression, OLD.timezone, OLD.params, OLD.priority, OLD.overlap, OLD.missed,
            OLD.start_at, OLD.end_at, OLD.jitter_seconds)
           IS NOT DISTINCT FROM
           (NEW.kind, NEW.expression, NEW.timezone, NEW.params, NEW.priority, NEW.overlap, NEW.missed,
            NEW.start_at, NEW.end_at, NEW.jitter_seconds) THEN
        RETURN NEW;
    END IF;
    PERFORM agent_schedule_cancel_v1(OLD.agent_id, OLD.tenant, OLD.name,
        CASE WHEN fires THEN 'schedule_changed' WHEN NEW.retired_at IS NOT NULL THEN 'schedule_retired' ELSE 'schedule_paused' END);
    NEW.generation := OLD.generation + 1;
    NEW.next_at := '-infinity';
    NEW.problem := NULL;
    NEW.updated_at := now();
    NEW.effective_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER agent_schedule_change BEFORE DELETE OR UPDATE OF
    kind, expression, timezone, params, priority, overlap, missed, start_at, end_at, jitter_seconds, enabled, paused, retired_at
    ON agent_schedule FOR EACH ROW EXECUTE FUNCTION agent_schedule_change_v1();
