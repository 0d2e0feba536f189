-- name: take
-- Takes a call of a host, or says in how many seconds to come again: when those that were told before have had
-- their turn. Whoever was told is not overtaken by newcomers. The row is decided on by one reading of the clock,
-- after its lock was waited for.
INSERT INTO agent_http_fetch.rate AS r (host, free_at, promised_at, wait_seconds)
VALUES (%(host)s::text, clock_timestamp() + make_interval(secs => %(interval)s::float8), '-infinity', 0)
ON CONFLICT (host) DO UPDATE
   SET (free_at, promised_at, wait_seconds) = (
        SELECT CASE WHEN t.passes THEN greatest(r.free_at, t.now) + t.step ELSE r.free_at END,
               CASE WHEN t.passes THEN r.promised_at ELSE t.turn END,
               CASE WHEN t.passes THEN 0 ELSE greatest(extract(epoch FROM t.turn - t.now)::float8, 0.01) END
          FROM (SELECT c.now, c.step,
                       r.free_at <= c.now + c.ahead AND (%(promised)s::boolean OR r.promised_at <= c.now) AS passes,
                       greatest(r.promised_at, r.free_at - c.ahead - c.step) + c.step AS turn
                  FROM (SELECT clock_timestamp() AS now,
                               make_interval(secs => %(interval)s::float8) AS step,
                               make_interval(secs => %(interval)s::float8 * (%(burst)s::int - 1)) AS ahead) c
               ) t)
RETURNING r.wait_seconds;

-- name: forget
-- Hosts that nobody called for a day; a few at a time.
DELETE FROM agent_http_fetch.rate
 WHERE host IN (SELECT host FROM agent_http_fetch.rate
                 WHERE free_at < now() - interval '1 day' AND promised_at < now() - interval '1 day'
                 ORDER BY free_at LIMIT 100 FOR UPDATE SKIP LOCKED);
