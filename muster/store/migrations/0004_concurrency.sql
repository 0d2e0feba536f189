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
    present_until   timestamptz NOT NULL,  -- somebody of it is asking all the time until then
    expected_until  timestamptz NOT NULL,  -- somebody of it comes again until then; later its wait is forgotten
    PRIMARY KEY (agent_id, lane)
);

-- Takes a slot, or says in how many seconds to ask again. A lane yields the free slots that others have a better
-- claim to: whoever waited for 15 s comes first, the longest waiting of them before the others; among the rest the
-- more urgent lane, as long as it is there to take it.
CREATE FUNCTION agent_slot_take_v1(
    of_agent text, of_lane text, of_rank integer, by_holder text, capacity integer, lease_seconds float8,
    OUT taken integer, OUT wait_seconds float8
) LANGUAGE plpgsql AS $$
DECLARE
    moment   timestamptz;
    overdue  timestamptz;
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
    SELECT since INTO waiting FROM agent_lane_wait
     WHERE agent_id = of_agent AND lane = of_lane AND expected_until > moment;
    waiting := coalesce(waiting, moment);
    SELECT count(*) INTO ahead FROM agent_lane_wait w
     WHERE w.agent_id = of_agent AND w.lane <> of_lane
       AND CASE WHEN w.since <= overdue THEN w.expected_until > moment AND (waiting > overdue OR w.since < waiting)
                ELSE w.present_until > moment AND waiting > overdue AND w.rank < of_rank END;

    IF used + ahead < capacity THEN
        INSERT INTO agent_slot (agent_id, slot, holder, lane, taken_at, expires_at)
        SELECT of_agent, min(n), by_holder, of_lane, moment, moment + make_interval(secs => lease_seconds)
          FROM generate_series(1, capacity) n
         WHERE NOT EXISTS (SELECT 1 FROM agent_slot s WHERE s.agent_id = of_agent AND s.slot = n)
        RETURNING slot INTO taken;
        DELETE FROM agent_lane_wait WHERE agent_id = of_agent AND lane = of_lane;
        wait_seconds := 0;
        RETURN;
    END IF;

    -- A quarter of what it has waited so far: a slot that is kept for it stands idle for no longer than that.
    wait_seconds := least(30, greatest(1, extract(epoch FROM moment - waiting) / 4));
    INSERT INTO agent_lane_wait AS w (agent_id, lane, rank, since, present_until, expected_until)
    VALUES (of_agent, of_lane, of_rank, waiting, moment + interval '1.5 seconds',
            moment + make_interval(secs => wait_seconds + 5))
    ON CONFLICT (agent_id, lane) DO UPDATE
       SET rank = excluded.rank, since = excluded.since, present_until = excluded.present_until,
           expected_until = excluded.expected_until;
END $$;
