-- name: take_slot
-- A slot's number, or null and the seconds after which to ask again. Repeating it for the same holder renews.
SELECT taken, wait_seconds
  FROM agent_slot_take_v2(%(agent_id)s::text, %(lane)s::text, %(rank)s::int, %(holder)s::text,
                          %(sent_at)s::timestamptz, %(capacity)s::int, %(lease_seconds)s::float8);

-- name: renew_slots
-- Puts off the end of slots; returns the holders that still had theirs.
UPDATE agent_slot
   SET expires_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s::float8)
 WHERE agent_id = %(agent_id)s::text AND holder = ANY (%(holders)s::text[])
RETURNING holder;

-- name: release_slots
-- Frees slots; what another holder has by now is not touched.
DELETE FROM agent_slot WHERE agent_id = %(agent_id)s::text AND holder = ANY (%(holders)s::text[]);
