-- name: renew_leases
-- Extends the leases of held executions and says of each whether it was asked to stop. What is missing from
-- the answer is lost: another claim has a higher fence, it is at rest, or a launched task has taken it over.
-- What waits for its turn has not started: its timeout counts from its start, not from that of the job before it.
WITH held AS (
    SELECT * FROM json_to_recordset(%(held)s::json) AS h (
        execution_id uuid, created_at timestamptz, fence bigint, waits boolean)
     LIMIT %(count)s::int
)
UPDATE agent_job_execution e
   SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s::float8),
       started_at = CASE WHEN h.waits THEN now() ELSE e.started_at END
  FROM held h
 WHERE e.execution_id = h.execution_id AND e.created_at = h.created_at
   AND e.status || '' = 'running' AND e.fence = h.fence AND e.worker = %(worker)s::text
RETURNING e.execution_id::text, e.fence, e.cancel_requested_at IS NOT NULL;

-- name: answers
-- Whether the ledger can be read and written.
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off';
