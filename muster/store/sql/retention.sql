-- What is too old leaves the ledger. The work is in functions, since it names partitions.

-- name: prune_job_keys
-- Removes old job ids within a number of blocks; returns how many.
SELECT muster_prune_job_keys_v1(make_interval(days => %(key_days)s::int), %(blocks)s::int);

-- name: forget_fleet_events
-- Removes a page of old events of instances and leaders; returns how many.
SELECT muster_forget_fleet_events_v1(make_interval(days => %(keep_days)s::int), %(page)s::int);

-- name: drop_partition
-- Drops the oldest partition that is due; returns its name and what became of it, or nothing.
SELECT d.partition, d.verdict
  FROM muster_drop_partition_v1(make_interval(days => %(keep_days)s::int), make_interval(days => %(key_days)s::int),
                                %(most_moved)s::int) AS d;

-- name: clear_defaults
-- Removes a page of what was moved out of dropped partitions and is old enough; returns how many rows.
SELECT muster_clear_defaults_v1(make_interval(days => %(keep_days)s::int), %(page)s::int);
