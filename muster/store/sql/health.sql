-- name: ready
-- Whether the database can be written, and which schema it has.
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off',
       (SELECT max(m.version) FROM schema_migration m);
