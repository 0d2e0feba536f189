-- name: adopt
-- Takes claims over from the process that made them, under their own fences: a claim with a higher one, one at
-- rest, and one that another process has taken over are not returned. Repeating it changes nothing.
WITH wanted AS (
    SELECT * FROM json_to_recordset(%(claims)s::json) AS w (execution_id uuid, created_at timestamptz, fence bigint)
     LIMIT %(count)s::int
)
UPDATE agent_job_execution e
   SET worker = %(worker)s::text,
       log_stream = %(log_stream)s::text,
       lease_expires_at = now() + make_interval(secs => %(lease_seconds)s::float8),
       updated_at = now()
  FROM wanted w
 WHERE e.execution_id = w.execution_id AND e.created_at = w.created_at
   AND e.status || '' = 'running' AND e.fence = w.fence
   AND e.worker IN (%(launcher)s::text, %(worker)s::text)
RETURNING e.execution_id::text, e.created_at, e.agent_id, e.job_id, e.tenant, e.agent_version, e.fence, e.attempts,
          e.max_attempts, e.params, e.config, e.state, e.suspect, e.holder, e.priority, e.source, e.traceparent,
          e.hops, e.queued_at, e.lease_expires_at;
