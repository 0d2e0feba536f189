-- name: schedules_due
-- Schedules whose next planned time comes soon, and those that nobody has planned yet, earliest first; those that ask the
-- same question are one row. Those of an agent that takes no jobs come when that time is past: they are moved on
-- without firing. `places` and `versions` find the rows again, unless something has been written to them since. One with
-- jitter is a row of its own: its start depends on its job id. `LIMIT 1` has each agent looked up by its key; the planner
-- would compare each schedule with all. While the stage takes no jobs none is due: their times wait, and are missed ones
-- when it does again.
SELECT now() AS now, d.kind, d.expression, d.timezone, d.start_at, d.end_at, d.missed, d.next_at, d.effective_at, d.ready,
       max(d.jitter_seconds), min(d.agent_id), min(d.tenant), min(d.name), min(d.generation), count(*)::int,
       array_agg(d.ctid)::text AS places, array_agg(d.xmin)::text AS versions
  FROM (SELECT s.kind, s.expression, s.timezone, s.start_at, s.end_at, s.missed, nullif(s.next_at, '-infinity') AS next_at,
               CASE s.next_at WHEN '-infinity' THEN s.effective_at END AS effective_at, r.agent_id IS NOT NULL AS ready,
               s.jitter_seconds, s.agent_id, s.tenant, s.name, s.generation, s.ctid, s.xmin
          FROM agent_schedule s
          LEFT JOIN LATERAL (SELECT a.agent_id FROM agent_registry a
                              WHERE a.agent_id = s.agent_id AND a.active AND a.enabled AND a.endpoint ? 'queues' LIMIT 1) r ON true
         WHERE s.enabled AND NOT s.paused AND s.retired_at IS NULL
           AND s.next_at <= coalesce(%(until)s::timestamptz, now() + make_interval(secs => %(ahead_seconds)s::float8))
           AND (r.agent_id IS NOT NULL OR s.next_at <= now())
           AND NOT EXISTS (SELECT FROM intake_stopped_v1)
         ORDER BY s.next_at
         LIMIT %(page)s::int) d
 GROUP BY d.kind, d.expression, d.timezone, d.start_at, d.end_at, d.missed, d.next_at, d.effective_at, d.ready,
          CASE WHEN d.jitter_seconds > 0 THEN d.ctid END;

-- name: fire
-- Moves schedules on, and records a pending execution for each planned time that fires. A step holds what is true of several
-- schedules: where they were read (`places`) and as which version of the row, so that one that was changed or fired since
-- stays as it is. The job id, which is that of `muster.schedule.fire`, guards it too: a planned time has one execution,
-- whatever happened. Returns how many schedules moved on, how many times each agent's missed, and the executions to send
-- with the seconds until they are due; also those of this very statement when it is repeated after a lost reply:
-- they are told by their ids, which begin alike.
-- Nothing here waits for a lock, so no order of locking is needed: a schedule that is held is passed over, and a job
-- id belongs to its schedule. A JSON object tells which keys were new: joining two intermediate results would compare each
-- with each.
WITH step AS MATERIALIZED (
    SELECT u.place, u.version, d.next_at, d.problem, d.missed, d.planned_at, d.moment, coalesce(d.starts_at, d.planned_at) AS starts_at,
           (%(ids)s::text || lpad(to_hex(d.before + u.number), 4, '0'))::uuid AS execution_id
      FROM json_to_recordset(%(steps)s::json) AS d (
           places text, versions text, before int, next_at timestamptz, problem text, missed int, planned_at timestamptz,
           starts_at timestamptz, moment text)
     CROSS JOIN LATERAL unnest(d.places::tid[], d.versions::xid[]) WITH ORDINALITY AS u (place, version, number)
     LIMIT %(count)s::int
),
held AS MATERIALIZED (
    SELECT d.*, s.ctid AS locked_place, s.agent_id, s.tenant, s.name, s.generation, s.params, s.priority,
           nullif(s.overlap, 'allow') AS overlap, r.agent_version, r.retries,
           'schedule:' || CASE s.tenant WHEN 'default' THEN s.name ELSE s.tenant || '/' || s.name END
                       || ':' || s.generation || ':' || d.moment AS job_id
      FROM step d
      JOIN agent_schedule s ON s.ctid = d.place AND s.xmin = d.version
      LEFT JOIN LATERAL (SELECT a.agent_id, a.agent_version, a.retries FROM agent_registry a
                          WHERE a.agent_id = s.agent_id AND a.active AND a.enabled LIMIT 1) r ON true
     WHERE d.planned_at IS NULL OR r.agent_id IS NOT NULL
       FOR UPDATE OF s SKIP LOCKED
),
advanced AS (
    UPDATE agent_schedule s
       SET next_at = h.next_at, problem = h.problem, last_planned_at = coalesce(h.planned_at, s.last_planned_at),
           missed_count = s.missed_count + coalesce(h.missed, 0),
           missed_at = CASE WHEN h.missed > 0 THEN now() ELSE s.missed_at END
      FROM held h
     WHERE s.ctid = h.locked_place
    RETURNING 1
),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT h.agent_id, h.job_id, h.execution_id, now()
      FROM held h
     WHERE h.planned_at IS NOT NULL
    ON CONFLICT (agent_id, job_id) DO NOTHING
    RETURNING execution_id
),
new_keys AS MATERIALIZED (
    SELECT jsonb_object_agg(k.execution_id, true) AS executions FROM keyed k
),
fired AS (
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, agent_version, tenant, max_attempts, priority, source, params,
        available_at, relay_after, scheduled_for, queued_at, schedule, schedule_generation, overlap)
    SELECT h.execution_id, now(), h.job_id, h.agent_id, h.agent_version, h.tenant, h.retries + 1, h.priority,
           'schedule', h.params, h.starts_at, greatest(h.starts_at, now()) + make_interval(secs => %(grace_seconds)s::float8),
           h.planned_at, greatest(h.starts_at, now()), h.name, h.generation, h.overlap
      FROM new_keys k JOIN held h ON k.executions ? h.execution_id::text
    RETURNING execution_id, agent_id, tenant, priority, scheduled_for, job_id, available_at, params
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, to_status, fence, attempt)
    SELECT f.execution_id, f.agent_id, 'created', 'pending', 0, 0 FROM fired f
),
counted AS MATERIALIZED (
    SELECT (SELECT count(*)::int FROM advanced) AS moved,
           (SELECT json_object_agg(m.agent_id, m.missed)
              FROM (SELECT h.agent_id, sum(h.missed)::int AS missed FROM held h WHERE h.missed > 0
                     GROUP BY h.agent_id) AS m) AS missed
),
to_send AS (
    SELECT f.* FROM fired f
     UNION ALL
    SELECT e.execution_id, e.agent_id, e.tenant, e.priority, e.scheduled_for, e.job_id, e.available_at, e.params
      FROM agent_job_execution e
     WHERE (SELECT c.moved FROM counted c) < %(count)s::int
       AND e.execution_id >= (%(ids)s::text || '0000')::uuid AND e.execution_id <= (%(ids)s::text || 'ffff')::uuid
       AND e.created_at > now() - interval '1 day' AND e.fence = 0
)
SELECT c.moved, c.missed, t.agent_id, t.tenant, t.priority, t.scheduled_for, t.job_id,
       extract(epoch FROM t.available_at - now())::float8 AS wait_seconds,
       -- Large ones stay where they are.
       CASE WHEN pg_column_size(t.params) <= %(inline_bytes)s::int THEN t.params::text END AS params
  FROM counted c LEFT JOIN to_send t ON true;

-- name: queues_of
-- The queues of these agents, by lane.
SELECT r.agent_id, r.endpoint->'queues' FROM agent_registry r
 WHERE r.agent_id = ANY(%(agent_ids)s::text[]) AND r.active AND r.endpoint ? 'queues';

-- name: fires_unsent
-- The queue did not take these: the relay of the next tick shall send them, not wait until they are overdue.
UPDATE agent_job_execution e SET relay_after = now() + make_interval(secs => %(pause_seconds)s::float8)
  FROM job_key k
 WHERE k.agent_id = %(agent_id)s::text AND k.job_id = ANY(%(job_ids)s::text[])
   AND e.execution_id = k.execution_id AND e.created_at = k.created_at AND e.status || '' = 'pending' AND e.fence = 0;

-- name: upsert_schedules
-- Makes each given schedule of a manifest what its agent has. One that says the same already is not touched;
-- the operator's pause stays.
INSERT INTO agent_schedule AS s (
    agent_id, name, kind, expression, timezone, params, priority, overlap, missed, start_at, end_at, jitter_seconds,
    enabled, owner)
SELECT d.agent_id, d.name, d.kind, d.expression, d.timezone, d.params, d.priority, d.overlap, d.missed, d.start_at,
       d.end_at, d.jitter_seconds, d.enabled, 'manifest'
  FROM jsonb_to_recordset(%(schedules)s::jsonb) AS d (
       agent_id text, name text, kind text, expression text, timezone text, params jsonb, priority text,
       overlap text, missed text, start_at timestamptz, end_at timestamptz, jitter_seconds int, enabled boolean)
 ORDER BY d.agent_id, d.name
ON CONFLICT (agent_id, tenant, name) DO UPDATE
   SET kind = excluded.kind, expression = excluded.expression, timezone = excluded.timezone,
       params = excluded.params, priority = excluded.priority, overlap = excluded.overlap,
       missed = excluded.missed, start_at = excluded.start_at, end_at = excluded.end_at,
       jitter_seconds = excluded.jitter_seconds,
       enabled = excluded.enabled, owner = excluded.owner, retired_at = NULL, updated_at = now()
 WHERE (s.kind, s.expression, s.timezone, s.params, s.priority, s.overlap, s.missed, s.start_at, s.end_at,
        s.jitter_seconds, s.enabled, s.owner, s.retired_at)
       IS DISTINCT FROM
       (excluded.kind, excluded.expression, excluded.timezone, excluded.params, excluded.priority,
        excluded.overlap, excluded.missed, excluded.start_at, excluded.end_at, excluded.jitter_seconds,
        excluded.enabled, excluded.owner, NULL)
RETURNING agent_id, name;

-- name: retire_schedules
-- Retires what these agents' manifests no longer hold. Soft: the row and its history stay.
UPDATE agent_schedule s SET retired_at = now(), updated_at = now()
 WHERE s.agent_id = ANY(%(agent_ids)s) AND s.owner = 'manifest' AND s.retired_at IS NULL
   AND NOT EXISTS (
       SELECT 1 FROM jsonb_to_recordset(%(schedules)s::jsonb) AS d (agent_id text, name text)
        WHERE d.agent_id = s.agent_id AND d.name = s.name AND s.tenant = 'default')
RETURNING agent_id, name;
