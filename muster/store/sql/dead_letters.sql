-- What the ledger knows of dead letters.

-- name: letter_standings
-- Whether each job is failed still at the fence that its letter tells of: only then would a worker run it again.
WITH letter AS (
    SELECT * FROM json_to_recordset(%(letters)s::json) AS l (position int, job_id text, fence bigint)
     LIMIT %(count)s::int
)
SELECT l.position,
       CASE WHEN e.execution_id IS NULL THEN 'unrecorded'
            WHEN e.status || '' = 'failed' AND e.fence = l.fence THEN 'failed'
            ELSE 'moved_on' END,
       coalesce(e.redrives, 0)
  FROM letter l
  LEFT JOIN job_key k ON k.agent_id = %(agent_id)s::text AND k.job_id = l.job_id
  LEFT JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at;

-- name: letter_queues
-- Queues of the agents that are the tenant's own; of one that is everybody's only when it is named.
SELECT r.agent_id, r.enabled, r.endpoint -> 'queues', r.endpoint ->> 'dlq'
  FROM agent_registry r
 WHERE r.active AND r.endpoint ? 'queues' AND r.endpoint ? 'dlq'
   AND (r.tenant = %(tenant)s::text OR (r.tenant = 'default' AND r.agent_id = %(agent_id)s::text))
   AND (%(agent_id)s::text IS NULL OR r.agent_id = %(agent_id)s::text)
 ORDER BY r.agent_id;
