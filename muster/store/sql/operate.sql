-- What operators do with schedules. Pausing and resuming raise a schedule's generation, by the table's trigger.

-- name: list_schedules
-- Schedules, by agent and name; null: of every agent. Retired ones only when asked for.
SELECT s.agent_id, s.name, s.tenant, s.kind, s.expression, s.timezone,
       CASE WHEN s.retired_at IS NOT NULL THEN 'retired' WHEN s.problem IS NOT NULL THEN 'broken'
            WHEN s.paused THEN 'paused' WHEN NOT s.enabled THEN 'disabled'
            WHEN r.agent_id IS NULL THEN 'agent off' ELSE 'on' END AS state,
       CASE WHEN s.enabled AND NOT s.paused AND s.retired_at IS NULL THEN nullif(s.next_at, '-infinity') END AS next_at,
       s.last_planned_at, s.generation, s.params, s.priority, s.overlap, s.missed, s.start_at, s.end_at,
       s.enabled, s.paused, s.problem, s.owner, s.retired_at
  FROM agent_schedule s
  LEFT JOIN agent_registry r ON r.agent_id = s.agent_id AND r.active AND r.enabled
 WHERE (%(agent)s::text IS NULL OR s.agent_id = %(agent)s)
   AND (%(name)s::text IS NULL OR s.name = %(name)s)
   AND (%(tenant)s::text IS NULL OR s.tenant = %(tenant)s)
   AND (%(all)s OR s.retired_at IS NULL)
 ORDER BY s.agent_id, s.tenant, s.name
 LIMIT %(limit)s;

-- name: pause_schedule
-- Pauses or resumes a schedule; returns whether that changed something, and nothing when there is none.
WITH known AS (
    SELECT agent_id, tenant, name, paused FROM agent_schedule
     WHERE agent_id = %(agent)s AND name = %(name)s AND tenant = %(tenant)s AND retired_at IS NULL
       FOR UPDATE
),
changed AS (
    UPDATE agent_schedule s SET paused = %(paused)s
      FROM known k
     WHERE s.agent_id = k.agent_id AND s.tenant = k.tenant AND s.name = k.name AND k.paused <> %(paused)s
)
SELECT paused <> %(paused)s AS changed FROM known;

-- name: known_fires
-- Of these job ids, those that are recorded, each with its state. What its schedule called off does not count: it
-- never ran.
SELECT k.job_id, e.status
  FROM job_key k
  LEFT JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at
 WHERE k.agent_id = %(agent)s AND k.job_id = ANY(%(job_ids)s)
   AND NOT coalesce(e.status = 'cancelled' AND e.reason LIKE 'schedule\_%%', false);

-- name: record_fires
-- Records a pending execution for each planned time of a schedule, unless its job id is known; guarded by the
-- schedule's generation. Where runs must not overlap they take turns: none is skipped, since somebody asked for each.
-- Returns the executions that it recorded, with where to send them.
WITH wanted AS (
    SELECT * FROM json_to_recordset(%(fires)s::json) AS f (execution_id uuid, job_id text, planned_at timestamptz)
),
held AS (
    SELECT s.agent_id, s.tenant, s.name, s.generation, s.params, s.priority, r.agent_version, r.retries, r.endpoint,
           CASE s.overlap WHEN 'allow' THEN NULL ELSE 'queue' END AS overlap
      FROM agent_schedule s
      JOIN agent_registry r ON r.agent_id = s.agent_id AND r.active AND r.enabled AND r.endpoint ? 'queues'
     WHERE s.agent_id = %(agent)s AND s.name = %(name)s AND s.tenant = %(tenant)s AND s.generation = %(generation)s
       AND s.retired_at IS NULL
       FOR UPDATE OF s
),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT h.agent_id, w.job_id, w.execution_id, now() FROM held h CROSS JOIN wanted w ORDER BY w.job_id
    ON CONFLICT (agent_id, job_id) DO NOTHING
    RETURNING execution_id, created_at
),
made AS (
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, agent_version, tenant, max_attempts, priority, source, params,
        relay_after, scheduled_for, schedule, schedule_generation, overlap)
    SELECT k.execution_id, k.created_at, w.job_id, h.agent_id, h.agent_version, h.tenant, h.retries + 1, h.priority,
           'schedule', coalesce(%(params)s::jsonb, h.params), now() + make_interval(secs => %(grace_seconds)s::float8),
           w.planned_at, h.name, h.generation, h.overlap
      FROM keyed k JOIN wanted w ON w.execution_id = k.execution_id CROSS JOIN held h
    RETURNING execution_id, agent_id, job_id, params, priority, tenant, scheduled_for
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, to_status, fence, attempt)
    SELECT m.execution_id, m.agent_id, 'created', 'pending', 0, 0 FROM made m
)
SELECT h.generation, h.endpoint->'queues' AS queues, m.execution_id::text, m.job_id, m.params, m.priority, m.tenant,
       m.scheduled_for
  FROM held h LEFT JOIN made m ON true
 ORDER BY m.scheduled_for;
