-- The rate of calls. Time is read after the wait for the row, so that calls at once are counted one after another.

-- name: take_call
-- Counts a call; returns nothing when it would be too far ahead of the rate.
INSERT INTO call_rate AS c (subject, ready_at)
VALUES (%(subject)s::text, clock_timestamp() + make_interval(secs => %(interval_seconds)s::float8))
ON CONFLICT (subject) DO UPDATE
   SET ready_at = greatest(c.ready_at, clock_timestamp()) + make_interval(secs => %(interval_seconds)s::float8)
 WHERE c.ready_at <= clock_timestamp() + make_interval(secs => %(ahead_seconds)s::float8)
RETURNING 1;

-- name: call_wait
-- Seconds until a call is within the rate again.
SELECT (extract(epoch FROM ready_at - clock_timestamp()) - %(ahead_seconds)s::float8)::float8
  FROM call_rate WHERE subject = %(subject)s::text;
