-- Many jobs at once, found by a filter and changed in bounded pages. A null parameter filters nothing.

-- name: jobs_meant
-- A page of the jobs that can be changed so, oldest first, after the place where the last page ended: those that
-- are not finished to be cancelled, or failed ones to be retried, of agents that take jobs and whose message could
-- be understood. Each agent's are found by its index.
SELECT j.execution_id::text, j.created_at, j.agent_id, j.status,
       coalesce(nullif(j.error ->> 'class', ''), j.error ->> 'code', '')
  FROM (SELECT DISTINCT r.agent_id FROM agent_registry r
         WHERE (%(agent_id)s::text IS NULL OR r.agent_id = %(agent_id)s::text)
           AND (NOT %(retry)s::boolean OR (r.active AND r.enabled))) a
 CROSS JOIN LATERAL (
       SELECT e.* FROM agent_job_execution e
        WHERE e.agent_id = a.agent_id
          AND CASE WHEN %(retry)s::boolean THEN e.status || '' = 'failed' AND e.body IS NULL
                   ELSE e.status || '' IN ('pending', 'running') AND e.cancel_requested_at IS NULL END
          AND (%(tenant)s::text IS NULL OR e.tenant = %(tenant)s::text)
          AND (%(error)s::text IS NULL OR e.error ->> 'class' = %(error)s::text OR e.error ->> 'code' = %(error)s::text)
          AND (%(text)s::text IS NULL
               OR position(lower(%(text)s::text) IN lower(coalesce(e.error ->> 'message', ''))) > 0
               OR position(lower(%(text)s::text) IN lower(e.params::text)) > 0)
          AND (%(status)s::text IS NULL OR e.status || '' = %(status)s::text)
          AND (%(source)s::text IS NULL OR e.source = %(source)s::text)
          AND (%(priority)s::text IS NULL OR e.priority = %(priority)s::text)
          AND e.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND e.created_at < coalesce(%(until)s::timestamptz, 'infinity')
          AND e.created_at >= coalesce(%(after)s::timestamptz, '-infinity')
          AND (e.created_at, e.execution_id)
              > (coalesce(%(after)s::timestamptz, '-infinity'),
                 coalesce(%(after_id)s::uuid, '00000000-0000-0000-0000-000000000000'))
        ORDER BY e.created_at, e.execution_id
        LIMIT %(page)s::int) j
 ORDER BY j.created_at, j.execution_id
 LIMIT %(page)s::int;

-- name: cancel_jobs
-- Calls these jobs off, as `cancel` does one; returns those that were not finished.
WITH asked AS (
    SELECT e.execution_id, e.created_at, e.status AS old_status
      FROM json_to_recordset(%(jobs)s::json) AS m (execution_id uuid, created_at timestamptz)
      JOIN agent_job_execution e ON e.execution_id = m.execution_id AND e.created_at = m.created_at
     WHERE e.status || '' IN ('pending', 'running') AND e.cancel_requested_at IS NULL
     ORDER BY e.execution_id
     LIMIT %(count)s::int
       FOR UPDATE OF e
),
changed AS (
    UPDATE agent_job_execution e
       SET status = CASE e.status WHEN 'pending' THEN 'cancelled' ELSE e.status END,
           reason = CASE e.status WHEN 'pending' THEN 'requested' ELSE e.reason END,
           completed_at = CASE e.status WHEN 'pending' THEN now() ELSE e.completed_at END,
           relay_after = NULL, cancel_requested_at = now(), updated_at = now()
      FROM asked a
     WHERE e.execution_id = a.execution_id AND e.created_at = a.created_at
    RETURNING e.execution_id, e.agent_id, e.status, e.fence, e.attempts, a.old_status
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id, CASE c.status WHEN 'cancelled' THEN 'cancelled' ELSE 'cancel_requested' END,
           c.old_status, c.status, c.fence, c.attempts, 'requested'
      FROM changed c
)
SELECT c.execution_id::text FROM changed c;

-- name: retry_jobs
-- Makes these failed jobs pending again, each with its whole budget; the relay sends them, one after another by the
-- given pause. Returns those that were failed, of agents that take jobs.
WITH failed AS (
    SELECT e.execution_id, e.created_at, r.retries, m.position
      FROM json_to_recordset(%(jobs)s::json) AS m (execution_id uuid, created_at timestamptz, position int)
      JOIN agent_job_execution e ON e.execution_id = m.execution_id AND e.created_at = m.created_at
      JOIN agent_registry r ON r.agent_id = e.agent_id AND r.active AND r.enabled
     WHERE e.status || '' = 'failed' AND e.body IS NULL
     ORDER BY e.execution_id
     LIMIT %(count)s::int
       FOR UPDATE OF e
),
changed AS (
    UPDATE agent_job_execution e
       SET status = 'pending', attempts = 0, max_attempts = f.retries + 1, redrives = e.redrives + 1,
           error = NULL, reason = NULL, suspect = false, dlq_pending = false, holder = NULL,
           cancel_requested_at = NULL, completed_at = NULL, lease_expires_at = NULL, available_at = now(),
           relay_after = now() + make_interval(secs => f.position * %(pause)s::float8), updated_at = now()
      FROM failed f
     WHERE e.execution_id = f.execution_id AND e.created_at = f.created_at
    RETURNING e.execution_id, e.agent_id, e.fence
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id, 'redriven', 'failed', 'pending', c.fence, 0, 'requested' FROM changed c
)
SELECT c.execution_id::text FROM changed c;
