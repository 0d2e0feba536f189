-- Workers outside: what they take over HTTP, and what they say while they are at it.

-- How far a worker said that it is; how it ended is in the result.
ALTER TABLE agent_job_execution ADD COLUMN progress jsonb;

-- What of an agent waits, by priority: a worker that asks for jobs looks through this.
CREATE INDEX agent_job_execution_waiting ON agent_job_execution (agent_id, priority, available_at)
 WHERE status = 'pending';

-- Takes jobs that wait for an agent: as many as asked for, and no more than its concurrency leaves. The more urgent
-- go first, but none is overtaken by what came 40 s later. Asking again with the same token gives the same jobs.
CREATE FUNCTION muster_take_waiting_v1(
    of_agent text, of_tenant text, at_most integer, by_worker text, token uuid, lease_seconds float8
) RETURNS SETOF agent_job_execution LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz;
    room   integer;
BEGIN
    -- One asks at a time, and every statement below sees what the last one committed. The time is read after the wait.
    PERFORM pg_advisory_xact_lock(hashtextextended('muster:take:' || of_agent, 0));
    moment := clock_timestamp();

    RETURN QUERY
    SELECT e.* FROM agent_job_execution e
     WHERE e.status = 'running' AND e.agent_id = of_agent AND e.claim_token = token;
    IF FOUND THEN
        RETURN;
    END IF;

    SELECT least(at_most, r.concurrency - (
               SELECT count(*) FROM agent_job_execution e WHERE e.status = 'running' AND e.agent_id = of_agent))
      INTO room
      FROM agent_registry r WHERE r.agent_id = of_agent AND r.active AND r.enabled;
    IF coalesce(room, 0) <= 0 THEN
        RETURN;
    END IF;

    RETURN QUERY
    WITH waiting AS MATERIALIZED (
        SELECT w.execution_id, w.created_at
          FROM (VALUES ('urgent', 40), ('critical', 30), ('high', 20), ('normal', 10), ('low', 0)) AS p (priority, head_start)
         CROSS JOIN LATERAL (
               SELECT e.execution_id, e.created_at, e.available_at
                 FROM agent_job_execution e
                WHERE e.agent_id = of_agent AND e.status = 'pending' AND e.priority = p.priority
                  AND e.available_at <= moment AND e.tenant = of_tenant AND e.cancel_requested_at IS NULL
                ORDER BY e.available_at
                LIMIT room) w
         ORDER BY w.available_at - make_interval(secs => p.head_start), w.execution_id
         LIMIT room
    ),
    free AS MATERIALIZED (
        -- A message may be claiming the same row by its queue just now: then it is that one's.
        SELECT e.execution_id, e.created_at
          FROM waiting w
          JOIN agent_job_execution e ON e.execution_id = w.execution_id AND e.created_at = w.created_at
         WHERE e.status = 'pending'
           FOR UPDATE OF e SKIP LOCKED
    ),
    taken AS (
        UPDATE agent_job_execution e
           SET status = 'running', fence = e.fence + 1, attempts = e.attempts + 1, holder = NULL, claim_token = token,
               worker = by_worker, log_stream = NULL, code_version = NULL, relay_after = NULL, progress = NULL,
               agent_version = (SELECT r.agent_version FROM agent_registry r
                                 WHERE r.agent_id = of_agent AND r.active),
               config_version = (SELECT max(c.version) FROM agent_config c WHERE c.agent_id = of_agent),
               lease_expires_at = moment + make_interval(secs => lease_seconds),
               started_at = coalesce(e.started_at, moment), updated_at = moment
          FROM free f
         WHERE e.execution_id = f.execution_id AND e.created_at = f.created_at
        RETURNING e.*
    ),
    logged AS (
        INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt)
        SELECT t.execution_id, t.agent_id, 'claimed', 'pending', 'running', t.fence, t.attempts FROM taken t
    )
    SELECT t.* FROM taken t;
END $$;
