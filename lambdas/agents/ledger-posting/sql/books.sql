-- name: currencies
-- What amounts may be in, with the most decimals of each.
SELECT code, decimals FROM agent_ledger_posting.currency;

-- name: post
-- Posts lines (number -> transaction), each transaction once, and says of each line what it is now. A line that is
-- not answered for shares its transaction id with another that is being posted: ask again. What this very line of
-- this very job posted before is `posted` again, so that repeating the statement changes nothing.
-- (What is looked up by key stands in subqueries with LIMIT 1: a planner without statistics would rather read all
-- of a tenant's transactions once.)
WITH line AS MATERIALIZED (
    SELECT key::bigint AS line, value ->> 'id' AS id, value ->> 'digest' AS digest, value
      FROM jsonb_each(%(lines)s::jsonb)
),
known AS MATERIALIZED (
    SELECT l.line, t.digest = l.digest AS same, t.job_id, t.line AS first_line
      FROM line l
     CROSS JOIN LATERAL (SELECT digest, job_id, line
                           FROM agent_ledger_posting.transaction
                          WHERE tenant = %(tenant)s::text AND transaction_id = l.id
                          LIMIT 1) t
),
homeless AS MATERIALIZED (
    SELECT l.line
      FROM line l
     WHERE NOT %(open_accounts)s::boolean
       AND EXISTS (SELECT FROM jsonb_to_recordset(l.value -> 'entries') AS e (account text)
                    WHERE (SELECT true FROM agent_ledger_posting.account a
                            WHERE a.tenant = %(tenant)s::text AND a.account = e.account LIMIT 1) IS NULL)
       AND (SELECT true FROM agent_ledger_posting.transaction t
             WHERE t.tenant = %(tenant)s::text AND t.transaction_id = l.id LIMIT 1) IS NULL
),
-- In one order everywhere, so that two files with the same ids do not wait for each other in a ring.
fresh AS (
    SELECT DISTINCT ON (id) *
      FROM line
     WHERE line NOT IN (SELECT line FROM homeless)
     ORDER BY id, line
),
posted AS (
    INSERT INTO agent_ledger_posting.transaction
           (tenant, transaction_id, booked_on, description, entry_count, digest, job_id, line)
    SELECT %(tenant)s::text, f.id, (f.value ->> 'booked_on')::date, f.value ->> 'description',
           jsonb_array_length(f.value -> 'entries'), f.digest, %(job)s::text, f.line
      FROM fresh f
     ORDER BY f.id
    ON CONFLICT DO NOTHING
    RETURNING transaction_id, line
),
opened AS (
    INSERT INTO agent_ledger_posting.account (tenant, account)
    SELECT DISTINCT %(tenant)s::text, e.account
      FROM posted p
     CROSS JOIN LATERAL jsonb_to_recordset(%(lines)s::jsonb -> p.line::text -> 'entries') AS e (account text)
     WHERE %(open_accounts)s::boolean
     ORDER BY e.account
    ON CONFLICT DO NOTHING
),
entered AS (
    INSERT INTO agent_ledger_posting.entry (tenant, transaction_id, number, account, currency, amount)
    SELECT %(tenant)s::text, p.transaction_id, e.number, e.account, e.currency, e.amount
      FROM posted p
     CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(%(lines)s::jsonb -> p.line::text -> 'entries')
                AS (account text, currency text, amount numeric)
        ) WITH ORDINALITY AS e (account, currency, amount, number)
)
SELECT line, 'posted' AS state, NULL::text AS first_job, NULL::bigint AS first_line FROM posted
UNION ALL
SELECT line,
       CASE WHEN same AND job_id = %(job)s::text AND first_line = line THEN 'posted'
            WHEN same THEN 'already_posted'
            ELSE 'conflict' END,
       job_id, first_line
  FROM known
UNION ALL
SELECT line, 'unknown_account', NULL, NULL FROM homeless;

-- name: check
-- What `post` would say of lines, and that only once of each transaction in the file; posts nothing. It notes the
-- ids of the file, so that two lines with one id and two contents are found, however far apart they are.
WITH line AS MATERIALIZED (
    SELECT key::bigint AS line, value ->> 'id' AS id, value ->> 'digest' AS digest
      FROM jsonb_each(%(lines)s::jsonb)
),
noted AS (
    INSERT INTO agent_ledger_posting.seen (job_id, transaction_id, digest, line)
    SELECT DISTINCT ON (id) %(job)s::text, id, digest, line
      FROM line
     ORDER BY id, line
    ON CONFLICT DO NOTHING
    RETURNING line, transaction_id, digest
),
answered AS (
    SELECT line, transaction_id, digest, digest AS first_digest, line AS first_line FROM noted
    UNION ALL
    SELECT l.line, l.id, l.digest, s.digest, s.line
      FROM line l
     CROSS JOIN LATERAL (SELECT digest, line
                           FROM agent_ledger_posting.seen
                          WHERE job_id = %(job)s::text AND transaction_id = l.id
                          LIMIT 1) s
)
SELECT a.line,
       CASE WHEN t.digest <> a.digest OR a.first_digest <> a.digest THEN 'conflict'
            WHEN t.digest IS NOT NULL OR a.first_line <> a.line THEN 'already_posted'
            WHEN NOT %(open_accounts)s::boolean
             AND EXISTS (SELECT
                           FROM jsonb_to_recordset(%(lines)s::jsonb -> a.line::text -> 'entries') AS e (account text)
                          WHERE (SELECT true FROM agent_ledger_posting.account k
                                  WHERE k.tenant = %(tenant)s::text AND k.account = e.account LIMIT 1) IS NULL)
            THEN 'unknown_account'
            ELSE 'posted' END AS state,
       coalesce(t.job_id, %(job)s::text) AS first_job,
       coalesce(t.line, a.first_line) AS first_line
  FROM answered a
  LEFT JOIN LATERAL (SELECT digest, job_id, line
                       FROM agent_ledger_posting.transaction
                      WHERE tenant = %(tenant)s::text AND transaction_id = a.transaction_id
                      LIMIT 1) t ON true;

-- name: forget
-- What a job noted, and what jobs noted a month ago that never came to their end; some at a time. How many went.
WITH gone AS (
    DELETE FROM agent_ledger_posting.seen
     WHERE ctid = ANY (ARRAY(
            (SELECT ctid FROM agent_ledger_posting.seen WHERE job_id = %(job)s::text LIMIT 5000)
            UNION ALL
            (SELECT ctid FROM agent_ledger_posting.seen WHERE seen_at < now() - interval '30 days' LIMIT 5000)))
    RETURNING 1
)
SELECT count(*) FROM gone;
