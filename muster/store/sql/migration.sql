-- name: create_ledger_of_migrations
-- The runner's own bookkeeping, made by whoever comes first.
CREATE TABLE IF NOT EXISTS schema_migration (
    version     integer     PRIMARY KEY,
    name        text        NOT NULL,
    checksum    text        NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- name: ledgers_exist
-- Whether any migration of Muster's own, and of an agent, could be written down here.
SELECT to_regclass('schema_migration') IS NOT NULL, to_regclass('agent_migration') IS NOT NULL;

-- name: applied_migrations
-- What ran, and the checksum it had then.
SELECT version, checksum FROM schema_migration ORDER BY version;

-- name: record_migration
-- In the transaction of the migration itself.
INSERT INTO schema_migration (version, name, checksum) VALUES (%(version)s, %(name)s, %(checksum)s);

-- name: applied_agent_migrations
-- What ran of an agent's, and the checksum it had then.
SELECT version, checksum FROM agent_migration WHERE agent_id = %(agent_id)s ORDER BY version;

-- name: record_agent_migration
-- In the transaction of the migration itself.
INSERT INTO agent_migration (agent_id, version, name, checksum)
VALUES (%(agent_id)s, %(version)s, %(name)s, %(checksum)s);

-- name: make_agent_schema
-- The command that makes the schema of an agent, if it has none yet.
SELECT format('CREATE SCHEMA IF NOT EXISTS %%I', %(schema)s);

-- name: open_agent_schema
-- The commands that give an agent's tables, as they are now, to workers: they may change rows, and nothing else of them.
SELECT format(command, %(schema)s)
  FROM unnest(ARRAY['GRANT USAGE ON SCHEMA %%I TO muster_worker',
                    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %%I TO muster_worker',
                    'GRANT USAGE ON ALL SEQUENCES IN SCHEMA %%I TO muster_worker']) AS command;

-- name: search_path
-- Where names without a schema are looked for now.
SELECT current_setting('search_path');

-- name: set_search_path
-- Until the transaction ends: an agent's migration makes its tables in the agent's schema, and sees no others.
SELECT set_config('search_path', %(path)s, true);

-- name: try_lock
-- One migrates at a time. The lock belongs to the session, so a killed migrator frees it at once.
SELECT pg_try_advisory_lock(%(key)s);

-- name: unlock
-- Frees what `try_lock` took.
SELECT pg_advisory_unlock(%(key)s);

-- name: lock_holder
-- Who holds the lock, for the message of whoever gave up waiting.
SELECT l.pid, coalesce(a.application_name, '') FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted
   AND l.classid = (%(key)s::bigint >> 32)::int::oid AND l.objid = (%(key)s::bigint & 4294967295)::oid;

-- name: bound_table_locks
-- A migration that waits for a table makes everyone behind it wait too; so it waits briefly, and tries again.
SELECT set_config('lock_timeout', %(milliseconds)s::text, true);

-- name: invalid_indexes
-- Left behind by a CREATE INDEX CONCURRENTLY that did not end; not those being built right now.
SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relnamespace = to_regnamespace(current_schema())
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
 ORDER BY 1;
