-- Whether the endpoints of agents that run elsewhere answer.

-- name: endpoints_due
-- Takes endpoints that are to be asked now, the longest unasked first. Who asks at the same moment waits for this statement,
-- and is given others. A new URL is asked at once, and nothing is known of it before.
WITH due AS (
    SELECT r.agent_id, r.endpoint ->> 'url' AS url, r.health_check,
           agent_health_interval_v1(r.health_check) AS interval_seconds
      FROM agent_registry r
      LEFT JOIN agent_endpoint_health h ON h.agent_id = r.agent_id
     WHERE r.active AND r.enabled AND jsonb_typeof(r.endpoint -> 'url') = 'string'
       AND (h.agent_id IS NULL OR h.url <> r.endpoint ->> 'url'
            OR h.asked_at <= now() - make_interval(
                   secs => agent_health_interval_v1(r.health_check) - %(early_seconds)s::float8))
     ORDER BY h.asked_at NULLS FIRST, r.agent_id
     LIMIT %(page)s::int
),
taken AS (
    INSERT INTO agent_endpoint_health AS h (agent_id, url, interval_seconds)
    SELECT d.agent_id, d.url, d.interval_seconds FROM due d ORDER BY d.agent_id
    ON CONFLICT (agent_id) DO UPDATE
       SET asked_at = excluded.asked_at, interval_seconds = excluded.interval_seconds, url = excluded.url,
           checked_at = CASE WHEN h.url = excluded.url THEN h.checked_at END,
           healthy = CASE WHEN h.url = excluded.url THEN h.healthy END,
           reason = CASE WHEN h.url = excluded.url THEN h.reason END
     WHERE h.url <> excluded.url
        OR h.asked_at <= now() - make_interval(secs => excluded.interval_seconds - %(early_seconds)s::float8)
    RETURNING h.agent_id, h.url
)
SELECT t.agent_id, t.url, d.health_check FROM taken t JOIN due d ON d.agent_id = t.agent_id;

-- name: endpoints_checked
-- Writes down what they said, as far as the agent has not got another one meanwhile.
UPDATE agent_endpoint_health h
   SET checked_at = now(), healthy = c.healthy, reason = c.reason
  FROM unnest(%(agent_ids)s::text[], %(urls)s::text[], %(healthy)s::boolean[], %(reasons)s::text[])
       AS c (agent_id, url, healthy, reason)
 WHERE h.agent_id = c.agent_id AND h.url = c.url;
