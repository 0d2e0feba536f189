-- name: validators
-- What the servers of these feeds told of the version that was stored.
SELECT f.url, f.etag, f.last_modified
  FROM json_array_elements_text(%(urls)s::json) AS u (url)
  JOIN agent_feed_collector.feed f ON f.tenant = %(tenant)s::text AND f.url = u.url;

-- name: store
-- A feed's items that are not known, what its server told of this version, and whom to tell: all or nothing.
-- Repeated after a lost reply it adds nothing, and its count is the same.
WITH added AS (
    INSERT INTO agent_feed_collector.item
           (tenant, feed_url, item_key, item_id, title, link, author, summary, published_at, batch)
    SELECT %(tenant)s::text, %(url)s::text, i.item_key, i.item_id, i.title, i.link, i.author, i.summary,
           i.published_at, %(batch)s::uuid
      FROM json_to_recordset(%(items)s::json)
           AS i (item_key text, item_id text, title text, link text, author text, summary text,
                 published_at timestamptz)
     ORDER BY i.item_key
    ON CONFLICT DO NOTHING
    RETURNING item_key
),
owed AS (
    INSERT INTO agent_feed_collector.notification (batch, tenant, feed_url, notify_url)
    SELECT %(batch)s::uuid, %(tenant)s::text, %(url)s::text, %(notify_url)s::text
     WHERE %(notify_url)s::text IS NOT NULL AND EXISTS (SELECT FROM added)
),
read AS (
    INSERT INTO agent_feed_collector.feed (tenant, url, title, etag, last_modified)
    VALUES (%(tenant)s::text, %(url)s::text, %(title)s::text, %(etag)s::text, %(last_modified)s::text)
    ON CONFLICT (tenant, url) DO UPDATE
       SET title = excluded.title, etag = excluded.etag, last_modified = excluded.last_modified, read_at = now()
)
SELECT (SELECT count(*) FROM added)
     + (SELECT count(*) FROM agent_feed_collector.item WHERE batch = %(batch)s::uuid);

-- name: take_owed
-- One batch that the URL was not told of, the oldest, for whoever asks; nobody else gets it meanwhile. Repeated
-- after a lost reply it gives the same one.
WITH next AS (
    SELECT n.batch
      FROM agent_feed_collector.notification n
     WHERE n.tenant = %(tenant)s::text AND n.notified_at IS NULL AND n.notify_url = %(notify_url)s::text
       AND n.feed_url IN (SELECT json_array_elements_text(%(urls)s::json))
       AND (n.held_until IS NULL OR n.held_until <= clock_timestamp() OR n.holder = %(holder)s::uuid)
     ORDER BY n.owed_since, n.batch LIMIT 1
       FOR UPDATE SKIP LOCKED
),
taken AS (
    UPDATE agent_feed_collector.notification n
       SET holder = %(holder)s::uuid,
           held_until = clock_timestamp() + make_interval(secs => %(seconds)s::float8)
      FROM next
     WHERE n.batch = next.batch
    RETURNING n.batch, n.tenant, n.feed_url
)
SELECT t.batch, t.feed_url, f.title,
       (SELECT json_agg(json_build_object('id', i.item_id, 'title', i.title, 'link', i.link, 'author', i.author,
                                          'summary', i.summary, 'published_at', i.published_at)
                        ORDER BY i.published_at DESC NULLS LAST, i.item_key)
          FROM agent_feed_collector.item i WHERE i.batch = t.batch)
  FROM taken t
  LEFT JOIN agent_feed_collector.feed f ON f.tenant = t.tenant AND f.url = t.feed_url;

-- name: told
-- The URL took it.
UPDATE agent_feed_collector.notification
   SET notified_at = now(), holder = NULL, held_until = NULL
 WHERE batch = %(batch)s::uuid AND notified_at IS NULL;

-- name: give_back
-- The URL did not take it: the next attempt need not wait.
UPDATE agent_feed_collector.notification
   SET holder = NULL, held_until = NULL
 WHERE batch = %(batch)s::uuid AND holder = %(holder)s::uuid;

-- name: others_tell
-- In how many seconds what others hold is free again; null: nobody holds anything.
SELECT CASE WHEN min(n.held_until) IS NOT NULL
            THEN greatest(extract(epoch FROM min(n.held_until) - clock_timestamp())::float8, 0.1) END
  FROM agent_feed_collector.notification n
 WHERE n.tenant = %(tenant)s::text AND n.notified_at IS NULL AND n.notify_url = %(notify_url)s::text
   AND n.feed_url IN (SELECT json_array_elements_text(%(urls)s::json))
   AND n.held_until IS NOT NULL;
