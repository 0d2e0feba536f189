-- Schedules whose runs must not overlap, and the count of times that were missed.

ALTER TABLE agent_job_execution
    ADD COLUMN overlap text;                              -- skip, queue: of the schedule that fired it; null: it may run whatever else runs

ALTER TABLE agent_schedule
    ADD COLUMN missed_count bigint NOT NULL DEFAULT 0,    -- planned times that passed without a tick and were not made up
    ADD COLUMN missed_at    timestamptz;                  -- when a tick last found some

-- Fires that wait until nothing of their schedule runs: few, and found without a look at the others.
CREATE INDEX agent_job_execution_turn ON agent_job_execution (available_at)
    WHERE status = 'pending' AND reason = 'awaits_turn';

-- What stands in the way of fires of these schedules: whether a run has begun and not ended, and which fire that waits
-- was planned first. Whoever asks holds the schedules until its transaction ends, and sees what was committed before.
CREATE FUNCTION agent_schedule_turn_v1(
    of_agent text, tenants text[], schedules text[],
    OUT tenant text, OUT schedule text, OUT begun boolean, OUT planned_first timestamptz, OUT first_execution uuid
) RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    -- In one order, so that no two ever wait for each other.
    PERFORM pg_advisory_xact_lock(asked.key)
       FROM (SELECT DISTINCT hashtextextended('muster:schedule:' || of_agent || ':' || t || ':' || s, 0) AS key
               FROM unnest(tenants, schedules) AS u (t, s) ORDER BY 1) AS asked;
    RETURN QUERY
        SELECT u.t, u.s,
               EXISTS (SELECT FROM agent_job_execution e
                        WHERE e.agent_id = of_agent AND e.tenant = u.t AND e.schedule = u.s
                          AND e.status IN ('pending', 'running') AND e.fence > 0),
               first.scheduled_for, first.execution_id
          FROM (SELECT DISTINCT * FROM unnest(tenants, schedules) AS d (t, s)) AS u
          LEFT JOIN LATERAL (
               SELECT e.scheduled_for, e.execution_id FROM agent_job_execution e
                WHERE e.agent_id = of_agent AND e.tenant = u.t AND e.schedule = u.s
                  AND e.status IN ('pending', 'running') AND e.fence = 0 AND e.available_at <= now()
                ORDER BY e.scheduled_for, e.execution_id LIMIT 1) AS first ON true;
END $$;
