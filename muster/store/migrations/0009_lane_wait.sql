-- A lane keeps its place in line also when another message than the one that asked first comes for it. Before, a lane
-- with a long queue began to wait anew again and again, and never got a slot beside a flood of a more urgent one.

-- Takes a slot, or says in how many seconds to ask again. A worker yields the free slots that others have a better
-- claim to: whoever waited for 15 s comes first, the longest waiting of them before the others; among the rest the
-- more urgent lane, as long as it is there to take it. A lane's claim is its oldest message's; when that one does not
-- come while it is expected, as in a long queue, whoever asks next has waited for it.
CREATE FUNCTION agent_slot_take_v2(
    of_agent text, of_lane text, of_rank integer, by_holder text, sent timestamptz, capacity integer,
    lease_seconds float8, OUT taken integer, OUT wait_seconds float8
) LANGUAGE plpgsql AS $$
DECLARE
    moment   timestamptz;
    overdue  timestamptz;
    lane_of  agent_lane_wait;
    oldest   boolean;
    waiting  timestamptz;
    used     integer;
    ahead    integer;
BEGIN
    -- One asks at a time, and every statement below sees what the last one committed. The time is read after the wait.
    PERFORM pg_advisory_xact_lock(hashtextextended('muster:slots:' || of_agent, 0));
    moment := clock_timestamp();
    overdue := moment - interval '15 seconds';

    UPDATE agent_slot SET expires_at = moment + make_interval(secs => lease_seconds)
     WHERE agent_id = of_agent AND holder = by_holder
    RETURNING slot INTO taken;
    IF FOUND THEN
        wait_seconds := 0;
        RETURN;
    END IF;

    DELETE FROM agent_slot WHERE agent_id = of_agent AND expires_at <= moment;
    SELECT count(*) INTO used FROM agent_slot WHERE agent_id = of_agent;
    DELETE FROM agent_lane_wait
     WHERE agent_id = of_agent AND expected_until <= moment AND present_until <= moment - interval '60 seconds';
    SELECT * INTO lane_of FROM agent_lane_wait WHERE agent_id = of_agent AND lane = of_lane;
    sent := coalesce(sent, moment);
    oldest := coalesce(sent <= lane_of.first_sent OR lane_of.expected_until <= moment, true);
    waiting := CASE WHEN oldest THEN coalesce(lane_of.since, moment) ELSE moment END;
    SELECT count(*) INTO ahead FROM agent_lane_wait w
     WHERE w.agent_id = of_agent AND w.expected_until > moment AND NOT (w.lane = of_lane AND oldest)
       AND CASE WHEN w.since <= overdue THEN waiting > overdue OR w.since < waiting
                ELSE w.present_until > moment AND waiting > overdue AND w.rank < of_rank END;

    IF used + ahead < capacity THEN
        INSERT INTO agent_slot (agent_id, slot, holder, lane, taken_at, expires_at)
        SELECT of_agent, min(n), by_holder, of_lane, moment, moment + make_interval(secs => lease_seconds)
          FROM generate_series(1, capacity) n
         WHERE NOT EXISTS (SELECT 1 FROM agent_slot s WHERE s.agent_id = of_agent AND s.slot = n)
        RETURNING slot INTO taken;
        IF oldest THEN
            DELETE FROM agent_lane_wait WHERE agent_id = of_agent AND lane = of_lane;
        END IF;
        wait_seconds := 0;
        RETURN;
    END IF;

    -- A quarter of what was waited so far: a slot that is kept for somebody stands idle for no longer than that.
    wait_seconds := least(30, greatest(1, extract(epoch FROM moment - coalesce(lane_of.since, moment)) / 4));
    INSERT INTO agent_lane_wait AS w (agent_id, lane, rank, since, first_sent, present_until, expected_until)
    VALUES (of_agent, of_lane, of_rank, waiting, sent, moment + interval '1.5 seconds',
            moment + make_interval(secs => wait_seconds + 5))
    ON CONFLICT (agent_id, lane) DO UPDATE
       SET present_until = excluded.present_until,
           first_sent = CASE WHEN oldest THEN excluded.first_sent ELSE w.first_sent END,
           expected_until = CASE WHEN oldest THEN excluded.expected_until ELSE w.expected_until END;
END $$;
