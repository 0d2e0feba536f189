-- API keys.

-- name: find_key
-- What recognising a key needs. Whether it is valid is the database's word, so that all processes agree. A call of
-- somebody who has the key is counted, as `take_call` counts; whoever knows its id alone uses up nobody's rate.
WITH known AS MATERIALIZED (
    SELECT digest, role, scopes, tenant,
           active AND coalesce(expires_at > now(), true) AS valid,
           coalesce(last_used_at < now() - make_interval(secs => %(noted_seconds)s::float8), true) AS note_use,
           xmin::text || ' ' || ctid::text AS stamp
      FROM api_key
     WHERE key_id = %(key_id)s::text
),
counted AS (
    INSERT INTO call_rate AS c (subject, ready_at)
    SELECT %(subject)s::text, clock_timestamp() + make_interval(secs => %(interval_seconds)s::float8)
      FROM known k
     WHERE k.valid AND coalesce(k.digest = %(digest)s::bytea, true)
    ON CONFLICT (subject) DO UPDATE
       SET ready_at = greatest(c.ready_at, clock_timestamp()) + make_interval(secs => %(interval_seconds)s::float8)
     WHERE c.ready_at <= clock_timestamp() + make_interval(secs => %(ahead_seconds)s::float8)
    RETURNING 1
)
SELECT k.digest, k.role, k.scopes, k.tenant, k.valid, k.note_use, EXISTS (SELECT 1 FROM counted), k.stamp FROM known k;

-- name: note_use
-- Notes a use, unless another process has just done so.
UPDATE api_key SET last_used_at = now()
 WHERE key_id = %(key_id)s::text
   AND coalesce(last_used_at < now() - make_interval(secs => %(noted_seconds)s::float8), true);

-- name: create_key
-- A new key.
INSERT INTO api_key (key_id, digest, name, role, scopes, tenant, expires_at, created_by)
VALUES (%(key_id)s, %(digest)s, %(name)s, %(role)s, %(scopes)s::text[], %(tenant)s,
        now() + make_interval(secs => %(expires_seconds)s::float8), %(by)s)
RETURNING key_id, name, role, scopes, tenant, active, replaces, expires_at, last_used_at, created_by, created_at;

-- name: rotate_key
-- A successor with the rights of a valid key, which itself ends when the overlap does. A successor lives as long
-- as its predecessor would have from its beginning. A key that has a successor already gets no second one.
WITH old AS MATERIALIZED (
    SELECT * FROM api_key k
     WHERE k.key_id = %(old_id)s AND k.active AND coalesce(k.expires_at > now(), true)
       AND NOT EXISTS (SELECT 1 FROM api_key n WHERE n.replaces = k.key_id)
       FOR UPDATE
),
ending AS (
    UPDATE api_key k
       SET expires_at = least(k.expires_at, now() + make_interval(secs => %(overlap_seconds)s::float8))
      FROM old o
     WHERE k.key_id = o.key_id
)
INSERT INTO api_key (key_id, digest, name, role, scopes, tenant, expires_at, replaces, created_by)
SELECT %(key_id)s, %(digest)s, o.name, o.role, o.scopes, o.tenant, now() + (o.expires_at - o.created_at), o.key_id, %(by)s
  FROM old o
ON CONFLICT (replaces) DO NOTHING
RETURNING key_id, name, role, scopes, tenant, active, replaces, expires_at, last_used_at, created_by, created_at;

-- name: switch_key
-- Switches a key off, or on again; an expired one stays expired.
UPDATE api_key
   SET active = %(active)s,
       deactivated_at = CASE WHEN %(active)s THEN NULL ELSE coalesce(deactivated_at, now()) END
 WHERE key_id = %(key_id)s
RETURNING key_id, name, role, scopes, tenant, active, replaces, expires_at, last_used_at, created_by, created_at;

-- name: list_keys
-- Keys without what proves them, newest first; those that hold no longer only when asked for.
SELECT key_id, name, role, scopes, tenant, active, replaces, expires_at, last_used_at, created_by, created_at
  FROM api_key
 WHERE (%(tenant)s::text IS NULL OR tenant = %(tenant)s)
   AND (%(all)s OR (active AND coalesce(expires_at > now(), true)))
   AND (%(key_id)s::text IS NULL OR key_id = %(key_id)s)
 ORDER BY created_at DESC, key_id;
