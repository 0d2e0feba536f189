-- Slots: how many workers of an agent run jobs at once, counted where event sources and tasks cannot.

-- Every row is a slot that somebody holds; a free one has none.
CREATE TABLE agent_slot (
    agent_id    text        NOT NULL,
    slot        integer     NOT NULL CHECK (slot > 0),
    holder      text        NOT NULL,                           -- asking again finds its slot, so no reply can be lost
    lane        text        NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,                           -- a holder that is gone keeps it no longer
    PRIMARY KEY (agent_id, slot),
    UNIQUE (agent_id, holder)
);

-- Lanes that asked in vain and may come again: what keeps one lane from starving another.
CREATE TABLE agent_lane_wait (
    agent_id        text        NOT NULL,
    lane            text        NOT NULL,
    rank            integer     NOT NULL,  -- 0: the most urgent
    since           timestamptz NOT NULL,  -- waits since then
    first_sent      timestamptz NOT NULL,  -- its oldest message: the next slot that is kept for the lane is for that one
    present_until   timestamptz NOT NULL,  -- somebody of it is asking all the time until then
    expected_until  timestamptz NOT NULL,  -- the oldest message comes again until then; later the wait is forgotten
    PRIMARY KEY (agent_id, lane)
);

-- Takes a slot, or says in how many seconds to ask again. A worker yields the free slots that others have a better
-- claim to: whoever waited for 15 s comes first, the longest waiting of them before the others; among the rest the
-- more urgent lane, as long as it is there to take it. A lane's claim is its oldest message's.
CREATE FUNCTION agent_slot_take_v1(
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
    DELETE FROM agent_lane_wait WHERE agent_id = of_agent AND expected_until <= moment;
    SELECT * INTO lane_of FROM agent_lane_wait WHERE agent_id = of_agent AND lane = of_lane;
    sent := coalesce(sent, moment);
    oldest := coalesce(sent <= lane_of.first_sent, true);
    waiting := CASE WHEN oldest THEN coalesce(lane_of.since, moment) ELSE moment END;
    SELECT count(*) INTO ahead FROM agent_lane_wait w
     WHERE w.agent_id = of_agent AND NOT (w.lane = of_lane AND oldest)
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
           first_sent = least(w.first_sent, excluded.first_sent),
           expected_until = CASE WHEN oldest THEN excluded.expected_until ELSE w.expected_until END;
END $$;
