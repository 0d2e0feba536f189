-- Whether the stage takes jobs, and what was metered of this month's. Months and hours are UTC's.

-- name: intake_stopped
-- Why the doors are closed, and for how many seconds more; null: until somebody opens them. No row: they are open.
SELECT s.reason, s.changed_by, s.seconds_left FROM intake_stopped_v1 s;

-- name: intake_now
-- The row as it is, the database's time, when the month ends, and whether what was metered was looked at lately under
-- this limit. One row also where the table has none.
SELECT coalesce(i.stopped, false), i.changed_by, i.ends_at, now(),
       (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC',
       coalesce(i.limit_usd IS NOT DISTINCT FROM %(limit)s::float8
                AND i.checked_at > now() - make_interval(secs => %(pause_seconds)s::float8), false)
  FROM (SELECT true) AS always LEFT JOIN intake i ON i.one;

-- name: count_hours
-- Counts a page of the month's hours whose count is not what it may be by now: the latest of them every few minutes, an
-- older one whenever it has become some part older, since jobs of hours and retries of a day end later than they
-- were asked for. Each agent's executions are found by their index. Hours of the months before are forgotten.
WITH month AS MATERIALIZED (
    SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS began
),
due AS MATERIALIZED (
    SELECT h.hour
      FROM month m
     CROSS JOIN LATERAL generate_series(m.began, now(), interval '1 hour') AS h (hour)
      LEFT JOIN intake_hour c ON c.hour = h.hour
     WHERE coalesce(c.counted_at <= now() - greatest(make_interval(secs => %(pause_seconds)s::float8),
                                                     (c.counted_at - h.hour) / %(parts)s::int), true)
     ORDER BY h.hour DESC
     LIMIT %(page)s::int
),
used AS MATERIALIZED (
    SELECT d.hour, a.agent_id, u.*
      FROM due d
     CROSS JOIN (SELECT DISTINCT r.agent_id FROM agent_registry r) a
     CROSS JOIN LATERAL (
           SELECT e.agent_version, sum(greatest(e.attempts, 1))::bigint AS attempts,
                  coalesce(sum(coalesce((e.metrics->>'executionTime')::float8, 0)
                               + coalesce((e.metrics->'before'->>'executionTime')::float8, 0)), 0) / 1000 AS seconds,
                  coalesce(sum(coalesce((e.metrics->>'inputTokens')::bigint, 0)
                               + coalesce((e.metrics->'before'->>'inputTokens')::bigint, 0)), 0)::bigint AS input_tokens,
                  coalesce(sum(coalesce((e.metrics->>'outputTokens')::bigint, 0)
                               + coalesce((e.metrics->'before'->>'outputTokens')::bigint, 0)), 0)::bigint AS output_tokens
             FROM agent_job_execution e
            WHERE e.agent_id = a.agent_id AND e.created_at >= d.hour AND e.created_at < d.hour + interval '1 hour'
              AND e.started_at IS NOT NULL
            GROUP BY e.agent_version) u
),
counted AS (
    INSERT INTO intake_hour AS h (hour, usage)
    SELECT d.hour, coalesce((SELECT jsonb_agg(to_jsonb(u) - 'hour') FROM used u WHERE u.hour = d.hour), '[]') FROM due d
    ON CONFLICT (hour) DO UPDATE SET usage = excluded.usage, counted_at = now()
    RETURNING 1
),
forgotten AS (
    DELETE FROM intake_hour h USING month m WHERE h.hour < m.began
)
SELECT count(*)::int FROM counted;

-- name: usage_of_month
-- What the month's jobs used, by agent and version, as their hours say; with the manifest as for `usage_of_agents`.
SELECT r.manifest, u.attempts, u.seconds, u.input_tokens, u.output_tokens
  FROM (SELECT d.agent_id, d.agent_version, sum(d.attempts)::bigint AS attempts, sum(d.seconds) AS seconds,
               sum(d.input_tokens)::bigint AS input_tokens, sum(d.output_tokens)::bigint AS output_tokens
          FROM intake_hour h
         CROSS JOIN LATERAL jsonb_to_recordset(h.usage) AS d (
               agent_id text, agent_version text, attempts bigint, seconds float8, input_tokens bigint, output_tokens bigint)
         WHERE h.hour >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
         GROUP BY d.agent_id, d.agent_version) u
  LEFT JOIN LATERAL (
        SELECT a.manifest FROM agent_registry a WHERE a.agent_id = u.agent_id
         ORDER BY (a.agent_version = u.agent_version) DESC, a.active DESC LIMIT 1) r ON true;

-- name: intake_checked
-- Notes what was metered, and under which limit.
INSERT INTO intake AS i (spent_usd, limit_usd, checked_at)
VALUES (%(spent)s::float8, %(limit)s::float8, now())
ON CONFLICT (one) DO UPDATE SET spent_usd = excluded.spent_usd, limit_usd = excluded.limit_usd, checked_at = now();

-- name: intake_decided
-- Closes or opens the doors for the budget, unless somebody has changed something since it was looked at.
UPDATE intake i
   SET stopped = %(stop)s::boolean, reason = %(reason)s::text, changed_by = 'budget', since = now(),
       ends_at = %(ends_at)s::timestamptz
 WHERE i.stopped = %(was_stopped)s::boolean AND i.changed_by IS NOT DISTINCT FROM %(was_by)s::text
   AND i.ends_at IS NOT DISTINCT FROM %(was_ends_at)s::timestamptz
RETURNING i.stopped;

-- name: stop_intake
-- A person closes the doors, until a person opens them.
INSERT INTO intake AS i (stopped, reason, changed_by, since)
VALUES (true, %(reason)s, %(by)s, now())
ON CONFLICT (one) DO UPDATE
   SET stopped = true, reason = excluded.reason, changed_by = excluded.changed_by, since = now(), ends_at = NULL
RETURNING i.since;

-- name: resume_intake
-- A person opens the doors; where it was the budget that had closed them, for the rest of its month.
UPDATE intake i
   SET stopped = false, reason = NULL, changed_by = %(by)s, since = now(),
       ends_at = CASE WHEN i.changed_by = 'budget' THEN i.ends_at END
 WHERE i.stopped AND coalesce(i.ends_at > now(), true)
RETURNING i.ends_at;

-- name: intake_status
-- For people. One row, also where nobody ever closed them.
SELECT EXISTS (SELECT FROM intake_stopped_v1) AS stopped, i.reason, i.changed_by, i.since, i.ends_at, i.spent_usd,
       i.limit_usd, i.checked_at
  FROM (SELECT true) AS always LEFT JOIN intake i ON i.one;
