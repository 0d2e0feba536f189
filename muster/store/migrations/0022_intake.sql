-- Whether the stage takes jobs: its doors can be closed by whoever operates it, or by a limit on what was metered.

-- One row at most; none: nobody has ever closed them, and nothing is limited.
CREATE TABLE intake (
    one        boolean     PRIMARY KEY DEFAULT true CHECK (one),
    stopped    boolean     NOT NULL DEFAULT false,
    reason     text,
    changed_by text,                      -- 'budget', or the person who stopped or resumed it last
    since      timestamptz,               -- when that was
    ends_at    timestamptz,               -- until when it holds; null: until it is changed
    spent_usd  float8,                    -- metered in the month of checked_at
    limit_usd  float8,                    -- what the stage said then
    checked_at timestamptz
);

-- What was metered of the jobs that were asked for in an hour, so that a month is summed without reading its executions.
CREATE TABLE intake_hour (
    hour       timestamptz PRIMARY KEY,
    counted_at timestamptz NOT NULL DEFAULT now(),
    usage      jsonb       NOT NULL       -- [{agent_id, agent_version, attempts, seconds, input_tokens, output_tokens}]
);

-- A row while the doors are closed; a stop that has an end is over by itself, whether or not anybody ticks.
CREATE VIEW intake_stopped_v1 AS
SELECT i.reason, i.changed_by, i.since, i.ends_at,
       ceil(extract(epoch FROM i.ends_at - now()))::int AS seconds_left
  FROM intake i
 WHERE i.stopped AND coalesce(i.ends_at > now(), true);

-- What `find_key` and `submit_job` do for a call whose process knows key and agent already. Nothing is believed for being
-- known: both rows must be the ones with the given stamps, and hold now. Otherwise nothing is written and `counted` stays
-- null. Of a call that comes too often it is false. `job` is null where there is a job of that id.
--
-- The count is committed before the record is made: whoever calls with the same key meanwhile waits for a count, and not
-- for the disk. While the doors are closed nothing is written, and
-- `counted` stays null.
CREATE PROCEDURE muster_submit_job_v1(asked json, INOUT counted boolean, INOUT job jsonb) LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    moment timestamptz;
BEGIN
    SELECT a.*, r.agent_version, r.retries
      INTO wanted
      FROM json_to_record(asked) AS a (
               key_id text, key_stamp text, noted_seconds float8, interval_seconds float8, ahead_seconds float8,
               agent_id text, agent_stamp text, tenant text, job_id text, execution_id uuid, params jsonb, config jsonb,
               priority text, traceparent text, grace_seconds float8)
      JOIN api_key k
        ON k.key_id = a.key_id AND k.active AND coalesce(k.expires_at > now(), true)
       AND k.last_used_at >= now() - make_interval(secs => a.noted_seconds)
       AND k.xmin::text || ' ' || k.ctid::text = a.key_stamp
      JOIN agent_registry r
        ON r.agent_id = a.agent_id AND r.active AND r.enabled AND r.tenant IN (a.tenant, 'default')
       AND r.xmin::text || ' ' || r.ctid::text = a.agent_stamp
     WHERE NOT EXISTS (SELECT FROM intake_stopped_v1);
    IF NOT FOUND THEN
        RETURN;
    END IF;

    INSERT INTO call_rate AS c (subject, ready_at)
    VALUES ('key:' || wanted.key_id, clock_timestamp() + make_interval(secs => wanted.interval_seconds))
    ON CONFLICT (subject) DO UPDATE
       SET ready_at = greatest(c.ready_at, clock_timestamp()) + make_interval(secs => wanted.interval_seconds)
     WHERE c.ready_at <= clock_timestamp() + make_interval(secs => wanted.ahead_seconds);
    counted := FOUND;
    IF NOT counted THEN
        RETURN;
    END IF;
    COMMIT;

    -- The agent once more, since it may have changed by now.
    moment := now();
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT wanted.agent_id, wanted.job_id, wanted.execution_id, moment
      FROM agent_registry r
     WHERE r.agent_id = wanted.agent_id AND r.active AND r.enabled
       AND r.xmin::text || ' ' || r.ctid::text = wanted.agent_stamp
    ON CONFLICT (agent_id, job_id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, agent_version, tenant, max_attempts, priority, source, params,
        config, relay_after, traceparent)
    VALUES (wanted.execution_id, moment, wanted.job_id, wanted.agent_id, wanted.agent_version, wanted.tenant,
            wanted.retries + 1, wanted.priority, 'api', wanted.params, wanted.config,
            moment + make_interval(secs => wanted.grace_seconds), wanted.traceparent);
    INSERT INTO execution_event (execution_id, agent_id, kind, to_status, fence, attempt)
    VALUES (wanted.execution_id, wanted.agent_id, 'created', 'pending', 0, 0);
    job := jsonb_build_object('execution_id', wanted.execution_id, 'job_id', wanted.job_id, 'agent_id', wanted.agent_id,
                              'status', 'pending', 'created_at', moment);
END
$$;

GRANT SELECT, INSERT, UPDATE ON intake TO muster_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON intake_hour TO muster_dispatcher;
GRANT SELECT ON intake_stopped_v1 TO muster_dispatcher, muster_api;
GRANT SELECT ON intake, intake_hour, intake_stopped_v1 TO muster_reader;
