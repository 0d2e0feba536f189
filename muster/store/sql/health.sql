-- name: alive
-- Whether the database answers, and has this schema.
SELECT count(*) FROM (SELECT 1 FROM api_key LIMIT 1) AS any_key;
