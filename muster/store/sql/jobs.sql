-- What the command line shows of executions. Read only.

-- name: list_jobs
-- The newest executions first; a null parameter filters nothing.
SELECT execution_id, job_id, agent_id, agent_version, tenant, status, attempts, max_attempts, priority,
       source, reason, error, dlq_pending, queued_at, started_at, completed_at, created_at,
       extract(epoch FROM completed_at - queued_at)::float8 * 1000 AS latency_ms
  FROM agent_job_execution
 WHERE (%(agent)s::text IS NULL OR agent_id = %(agent)s)
   AND (%(status)s::text IS NULL OR status = %(status)s)
   AND (%(job_ids)s::text[] IS NULL OR job_id = ANY(%(job_ids)s))
 ORDER BY created_at DESC, execution_id
 LIMIT %(limit)s;

-- name: find_job
-- Executions that an id names, be it the execution's or the job's: a job id is unique per agent only.
SELECT e.*, extract(epoch FROM e.completed_at - e.queued_at)::float8 * 1000 AS latency_ms
  FROM agent_job_execution e
 WHERE (e.execution_id = %(execution_id)s::uuid
        OR (e.execution_id, e.created_at) IN (
            SELECT k.execution_id, k.created_at FROM job_key k WHERE k.job_id = %(id)s))
   AND (%(agent)s::text IS NULL OR e.agent_id = %(agent)s)
 ORDER BY e.created_at DESC;

-- name: events_of_job
-- Everything that happened to an execution, in order.
SELECT id, at, kind, from_status, to_status, fence, attempt, reason, message_id
  FROM execution_event
 WHERE execution_id = %(execution_id)s
 ORDER BY id;

-- name: job_outcomes
-- How some recent jobs stand, for a program that waits for them. One row per execution: more than one for a
-- job would be a fault, so they are not looked up through the key that forbids it.
SELECT e.agent_id, e.job_id, e.execution_id, e.status, e.attempts, e.result, e.error, e.started_at,
       extract(epoch FROM e.completed_at - e.queued_at)::float8 * 1000 AS latency_ms,
       (SELECT count(*) FROM execution_event v
         WHERE v.execution_id = e.execution_id AND v.kind = 'duplicate') AS duplicates
  FROM agent_job_execution e
 WHERE e.created_at >= %(since)s AND e.job_id = ANY(%(job_ids)s)
 ORDER BY e.agent_id, e.job_id;

-- name: jobs_of_objects
-- The jobs that events of S3 asked for, by the keys of their objects. For a program that has just put
-- them there: it looks at the newest rows of the agent only.
SELECT e.job_id, e.params
  FROM (SELECT job_id, params, source FROM agent_job_execution
         WHERE agent_id = %(agent)s AND created_at > now() - interval '1 hour') AS e
 WHERE e.source = 's3' AND e.params ->> 'bucket' = %(bucket)s AND e.params ->> 'key' = ANY(%(keys)s);

-- name: fires_of_schedule
-- The fires of one schedule that the last hour recorded, by planned time.
SELECT e.status, e.scheduled_for, e.started_at, e.result
  FROM agent_job_execution e
 WHERE e.agent_id = %(agent)s AND e.schedule = %(schedule)s AND e.created_at > now() - interval '1 hour'
 ORDER BY e.scheduled_for;

-- name: progress_of_job
-- What a job's checkpoints have saved; null before the first.
SELECT e.state
  FROM job_key k
  JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at
 WHERE k.agent_id = %(agent)s AND k.job_id = %(job_id)s;
