-- Workers outside keep the policies of schedules too: what they take never overlaps with another run of its schedule.

-- Whether a fire that was never taken has to let another one of its schedule end, or begin: of those that queue the
-- first planned comes first, and of those that are `considered` together too. The caller holds the lock of the schedule,
-- or only asks whether it is worth taking.
CREATE FUNCTION agent_schedule_hindered_v1(fire agent_job_execution, moment timestamptz, considered uuid[])
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM agent_job_execution o
         WHERE o.agent_id = fire.agent_id AND o.tenant = fire.tenant AND o.schedule = fire.schedule
           AND o.status IN ('pending', 'running')
           AND (o.fence > 0 AND o.execution_id <> fire.execution_id
                OR (o.scheduled_for, o.execution_id) < (fire.scheduled_for, fire.execution_id)
                   AND (fire.overlap = 'queue' AND o.fence = 0 AND o.available_at <= moment
                        OR o.execution_id = ANY (considered))))
$$;

-- As `muster_take_waiting_v1`, and a fire whose schedule must not overlap is judged first: it is taken when nothing hinders
-- it, otherwise called off (`skip`) or left for later (`queue`). What is called off makes room for what waits behind it.
CREATE FUNCTION muster_take_waiting_v2(
    of_agent text, of_tenant text, at_most integer, by_worker text, token uuid, lease_seconds float8
) RETURNS SETOF agent_job_execution LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz;
    room   integer;
    ids    uuid[];
    times  timestamptz[];
    locked text[];
    found_count integer;
    called_off  integer;
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

    -- Each pass but the last calls something off. What a long backlog of such still holds is for the next to ask.
    FOR pass IN 1..10 LOOP
        EXIT WHEN coalesce(room, 0) <= 0;
        WITH waiting AS MATERIALIZED (
            SELECT w.execution_id, w.created_at
              FROM (VALUES ('urgent', 40), ('critical', 30), ('high', 20), ('normal', 10), ('low', 0)) AS p (priority, head_start)
             CROSS JOIN LATERAL (
                   SELECT e.execution_id, e.created_at, e.available_at
                     FROM agent_job_execution e
                    WHERE e.agent_id = of_agent AND e.status = 'pending' AND e.priority = p.priority
                      AND e.available_at <= moment AND e.tenant = of_tenant AND e.cancel_requested_at IS NULL
                      AND (coalesce(e.overlap, '') <> 'queue' OR e.fence > 0
                           OR NOT agent_schedule_hindered_v1(e, moment, '{}'))
                    ORDER BY e.available_at
                    LIMIT room) w
             ORDER BY w.available_at - make_interval(secs => p.head_start), w.execution_id
             LIMIT room
        ),
        free AS (
            -- A message may be claiming the same row by its queue just now: then it is that one's.
            SELECT e.execution_id, e.created_at
              FROM waiting w
              JOIN agent_job_execution e ON e.execution_id = w.execution_id AND e.created_at = w.created_at
             WHERE e.status = 'pending'
               FOR UPDATE OF e SKIP LOCKED
        )
        SELECT coalesce(array_agg(f.execution_id), '{}'), array_agg(f.created_at) INTO ids, times FROM free f;

        -- The lock of each schedule that must not overlap, as the claim by a message takes it; but it is never waited for,
        -- so that the order does not matter. Where somebody has it, its fires are left for later.
        SELECT coalesce(array_agg(s.schedule), '{}') INTO locked
          FROM (SELECT DISTINCT e.schedule
                  FROM unnest(ids, times) AS u (execution_id, created_at)
                  JOIN agent_job_execution e ON e.execution_id = u.execution_id AND e.created_at = u.created_at
                 WHERE e.overlap IS NOT NULL AND e.fence = 0) AS s
         WHERE pg_try_advisory_xact_lock(
                   hashtextextended('muster:schedule:' || of_agent || ':' || of_tenant || ':' || s.schedule, 0));

        WITH hindered AS (
            SELECT e.execution_id, e.created_at
              FROM unnest(ids, times) AS u (execution_id, created_at)
              JOIN agent_job_execution e ON e.execution_id = u.execution_id AND e.created_at = u.created_at
             WHERE e.overlap = 'skip' AND e.fence = 0 AND e.schedule = ANY (locked)
               AND agent_schedule_hindered_v1(e, moment, ids)
        ),
        skipped AS (
            UPDATE agent_job_execution e
               SET status = 'cancelled', reason = 'overlap', relay_after = NULL, completed_at = moment, updated_at = moment
              FROM hindered h
             WHERE e.execution_id = h.execution_id AND e.created_at = h.created_at
            RETURNING e.execution_id, e.agent_id, e.fence, e.attempts
        ),
        logged AS (
            INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
            SELECT s.execution_id, s.agent_id, 'cancelled', 'pending', 'cancelled', s.fence, s.attempts, 'overlap' FROM skipped s
        )
        SELECT count(*) INTO called_off FROM skipped;

        RETURN QUERY
        WITH mine AS MATERIALIZED (
            SELECT e.execution_id, e.created_at
              FROM unnest(ids, times) AS u (execution_id, created_at)
              JOIN agent_job_execution e ON e.execution_id = u.execution_id AND e.created_at = u.created_at
             WHERE e.status = 'pending'
               AND (e.overlap IS NULL OR e.fence > 0
                    OR e.schedule = ANY (locked) AND NOT agent_schedule_hindered_v1(e, moment, ids))
        ),
        taken AS (
            UPDATE agent_job_execution e
               SET status = 'running', fence = e.fence + 1, attempts = e.attempts + 1, holder = NULL, claim_token = token,
                   worker = by_worker, log_stream = NULL, code_version = NULL, relay_after = NULL, progress = NULL,
                   reason = NULL,
                   agent_version = (SELECT r.agent_version FROM agent_registry r
                                     WHERE r.agent_id = of_agent AND r.active),
                   config_version = (SELECT max(c.version) FROM agent_config c WHERE c.agent_id = of_agent),
                   lease_expires_at = moment + make_interval(secs => lease_seconds),
                   started_at = coalesce(e.started_at, moment), updated_at = moment
              FROM mine m
             WHERE e.execution_id = m.execution_id AND e.created_at = m.created_at
            RETURNING e.*
        ),
        logged AS (
            INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt)
            SELECT t.execution_id, t.agent_id, 'claimed', 'pending', 'running', t.fence, t.attempts FROM taken t
        )
        SELECT t.* FROM taken t;
        GET DIAGNOSTICS found_count = ROW_COUNT;
        room := room - found_count;
        EXIT WHEN called_off = 0;
    END LOOP;
END $$;
