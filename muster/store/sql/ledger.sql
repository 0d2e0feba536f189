-- Two habits of this file keep its plans on the primary keys, cold and without statistics as well as over
-- millions of rows: `LIMIT %(count)s` tells the planner that a document holds few rows (it would assume 100),
-- and `status || ''` keeps it from walking the partial index of all running rows.
--
-- What ended alike is answered together: a row for each execution would take longer to read than to write.

-- name: claim_new
-- Records jobs never seen before and claims them, in one statement. A job id that is known already is
-- skipped by its unique key and not returned: `claim_known` judges it. A disabled agent's job is
-- recorded as cancelled.
WITH delivery AS (
    SELECT * FROM json_to_recordset(%(deliveries)s::json) AS d (
        execution_id uuid, job_id text, message_id text, tenant text, params jsonb, config jsonb, body text,
        priority text, source text, scheduled_for timestamptz, traceparent text, hops int, sent_at timestamptz)
     LIMIT %(count)s::int
),
policy AS MATERIALIZED (
    SELECT CASE WHEN coalesce((SELECT r.enabled FROM agent_registry r
                                WHERE r.agent_id = %(agent_id)s::text AND r.active), true)
                THEN 'running' ELSE 'cancelled' END AS status
),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT %(agent_id)s::text, d.job_id, d.execution_id, now()
      FROM delivery d
     WHERE d.params IS NOT NULL
     ORDER BY d.job_id
    ON CONFLICT (agent_id, job_id) DO NOTHING
    RETURNING execution_id, created_at
),
inserted AS (
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, agent_version, tenant, status, fence, attempts, max_attempts,
        priority, source, params, config, body, holder, claim_token, worker, log_stream, code_version,
        relay_after, lease_expires_at, scheduled_for, traceparent, hops, queued_at, started_at, completed_at, reason)
    SELECT k.execution_id, k.created_at, d.job_id, %(agent_id)s::text, %(agent_version)s::text,
           coalesce(d.tenant, 'default'), p.status, 1, CASE p.status WHEN 'running' THEN 1 ELSE 0 END,
           %(max_attempts)s::int, coalesce(d.priority, 'normal'), coalesce(d.source, 'queue'), d.params, d.config,
           d.body, d.message_id, %(claim_token)s::uuid, %(worker)s::text,
           %(log_stream)s::text, %(code_version)s::text,
           NULL, CASE p.status WHEN 'running' THEN now() + make_interval(secs => %(lease_seconds)s::float8) END,
           d.scheduled_for, d.traceparent, coalesce(d.hops, 0), coalesce(d.sent_at, now()),
           CASE p.status WHEN 'running' THEN now() END, CASE p.status WHEN 'cancelled' THEN now() END,
           CASE p.status WHEN 'cancelled' THEN 'agent_disabled' END
      FROM keyed k JOIN delivery d ON d.execution_id = k.execution_id CROSS JOIN policy p
    RETURNING execution_id, created_at, status, holder
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, to_status, fence, attempt, reason, message_id)
    SELECT i.execution_id, %(agent_id)s::text, CASE i.status WHEN 'running' THEN 'claimed' ELSE 'cancelled' END,
           i.status, 1, CASE i.status WHEN 'running' THEN 1 ELSE 0 END,
           CASE i.status WHEN 'cancelled' THEN 'agent_disabled' END, i.holder
      FROM inserted i
)
SELECT i.status, i.created_at, string_agg(i.execution_id::text, ' ') FROM inserted i GROUP BY i.status, i.created_at;

-- name: claim_known
-- Judges deliveries of jobs that have a row, and takes those that may run now. Verdicts: `held` (this very
-- claim, repeated after a lost reply), `taken`, `redriven`, `exhausted` (its last attempt vanished and none
-- is left: settled failed here), `cancelled`, `deferred` (same message, too early), `duplicate` (finished, or
-- carried by another message), `redelivered` (finished, same message: its delete was lost), `queued` (it has to
-- let another run of its schedule end, and has waited for a while: the relay sends it again).
--
-- Overlap is decided here, for a fire that was never taken: while another run of its schedule has begun and not
-- ended it is cancelled (`skip`) or waits, also for the fires planned before it (`queue`). The function locks the
-- schedule, so that of two workers one sees what the other took.
WITH delivery AS (
    SELECT * FROM json_to_recordset(%(deliveries)s::json) AS d (
        job_id text, message_id text, dead_letter_fence bigint)
     LIMIT %(count)s::int
),
policy AS MATERIALIZED (
    SELECT coalesce((SELECT r.enabled FROM agent_registry r
                      WHERE r.agent_id = %(agent_id)s::text AND r.active), true) AS enabled
),
known AS (
    -- After a wait for the row's lock these are the columns as they are then; the statement's snapshot,
    -- and so any other look at the row, may be older.
    SELECT d.message_id, e.*,
           CASE
               WHEN e.status = 'running' AND e.claim_token = %(claim_token)s::uuid THEN 'held'
               WHEN e.status = 'failed' AND d.dead_letter_fence = e.fence THEN
                   CASE WHEN p.enabled THEN 'redriven' ELSE 'cancelled' END
               WHEN e.status IN ('completed', 'failed', 'cancelled') THEN
                   CASE WHEN e.holder = d.message_id THEN 'redelivered' ELSE 'duplicate' END
               WHEN e.status = 'running' AND e.lease_expires_at > now() THEN
                   CASE WHEN e.holder = d.message_id THEN 'deferred' ELSE 'duplicate' END
               WHEN e.cancel_requested_at IS NOT NULL OR NOT p.enabled THEN 'cancelled'
               WHEN e.status = 'running' AND e.attempts >= e.max_attempts THEN 'exhausted'
               WHEN e.status = 'pending' AND e.available_at > now() THEN
                   CASE WHEN coalesce(e.holder, d.message_id) = d.message_id THEN 'deferred' ELSE 'duplicate' END
               ELSE 'taken'
           END AS first_verdict
      FROM delivery d
      JOIN job_key k ON k.agent_id = %(agent_id)s::text AND k.job_id = d.job_id
      JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at
     CROSS JOIN policy p
     ORDER BY e.execution_id
       FOR UPDATE OF e
),
asking AS (
    SELECT array_agg(k.tenant) AS tenants, array_agg(k.schedule) AS schedules
      FROM known k
     WHERE k.overlap IS NOT NULL AND (k.first_verdict = 'taken' AND k.fence = 0 OR k.first_verdict = 'redriven')
),
turn AS MATERIALIZED (
    SELECT t.* FROM asking a, LATERAL agent_schedule_turn_v1(%(agent_id)s::text, a.tenants, a.schedules) t
),
overlapping AS MATERIALIZED (
    SELECT k.execution_id, k.overlap = 'skip' AND k.first_verdict = 'taken' AS skipped,
           extract(epoch FROM now() - k.available_at)::float8 AS waited
      FROM known k JOIN turn t ON t.tenant = k.tenant AND t.schedule = k.schedule
     WHERE k.overlap IS NOT NULL AND (k.first_verdict = 'taken' AND k.fence = 0 OR k.first_verdict = 'redriven')
       AND (t.begun OR k.overlap = 'queue' AND (t.planned_first, t.first_execution) < (k.scheduled_for, k.execution_id)
            OR EXISTS (SELECT FROM known o
                        WHERE o.tenant = k.tenant AND o.schedule = k.schedule AND o.first_verdict IN ('taken', 'redriven')
                          AND (o.scheduled_for, o.execution_id) < (k.scheduled_for, k.execution_id)))
),
judged AS MATERIALIZED (
    SELECT k.*, coalesce(o.skipped, false) AS skipped,
           CASE WHEN o.skipped THEN 'cancelled'
                WHEN o.waited < 30 OR k.first_verdict = 'redriven' AND o.waited IS NOT NULL THEN 'deferred'
                WHEN o.waited >= 30 THEN 'queued'
                ELSE k.first_verdict END AS verdict,
           CASE WHEN o.waited IS NOT NULL THEN least(greatest(o.waited / 2, 3), 60) END AS turn_seconds
      FROM known k LEFT JOIN overlapping o ON o.execution_id = k.execution_id
),
queued AS (
    UPDATE agent_job_execution e
       SET reason = 'awaits_turn', holder = NULL, relay_after = now() + interval '1 hour', updated_at = now()
      FROM judged k
     WHERE e.execution_id = k.execution_id AND e.created_at = k.created_at AND k.verdict = 'queued'
),
changed AS (
    UPDATE agent_job_execution e
       SET status = CASE k.verdict WHEN 'cancelled' THEN 'cancelled' WHEN 'exhausted' THEN 'failed' ELSE 'running' END,
           fence = e.fence + CASE WHEN k.verdict IN ('taken', 'redriven') THEN 1 ELSE 0 END,
           attempts = CASE k.verdict WHEN 'taken' THEN e.attempts + 1 WHEN 'redriven' THEN 1 ELSE e.attempts END,
           max_attempts = CASE k.verdict WHEN 'redriven' THEN %(max_attempts)s::int ELSE e.max_attempts END,
           redrives = e.redrives + CASE k.verdict WHEN 'redriven' THEN 1 ELSE 0 END,
           cancel_requested_at = CASE k.verdict WHEN 'redriven' THEN NULL ELSE e.cancel_requested_at END,
           suspect = CASE k.verdict WHEN 'taken' THEN e.suspect OR e.status = 'running' ELSE false END,
           holder = k.message_id,
           claim_token = %(claim_token)s::uuid,
           worker = %(worker)s::text,
           log_stream = %(log_stream)s::text,
           code_version = %(code_version)s::text,
           agent_version = %(agent_version)s::text,
           relay_after = NULL,
           lease_expires_at = CASE WHEN k.verdict IN ('taken', 'redriven')
                                   THEN now() + make_interval(secs => %(lease_seconds)s::float8) END,
           error = CASE k.verdict
                   WHEN 'exhausted' THEN jsonb_build_object(
                       'message', 'The worker vanished during the last attempt (crash, kill or out of memory).',
                       'code', 'lost', 'class', NULL, 'stack', NULL, 'timestamp', now(), 'retryable', false)
                   WHEN 'redriven' THEN NULL ELSE e.error END,
           dlq_pending = (k.verdict = 'exhausted'),
           reason = CASE k.verdict WHEN 'cancelled' THEN
                        CASE WHEN k.skipped THEN 'overlap'
                             WHEN e.cancel_requested_at IS NOT NULL THEN 'requested' ELSE 'agent_disabled' END END,
           started_at = coalesce(e.started_at, now()),
           completed_at = CASE WHEN k.verdict IN ('cancelled', 'exhausted') THEN now() END,
           updated_at = now()
      FROM judged k
     WHERE e.execution_id = k.execution_id AND e.created_at = k.created_at
       AND k.verdict IN ('taken', 'redriven', 'cancelled', 'exhausted')
    RETURNING e.execution_id, e.agent_id, e.status, e.fence, e.attempts, e.max_attempts, e.agent_version,
              e.suspect, e.dlq_pending, e.error, e.reason, e.holder, e.lease_expires_at,
              k.verdict, k.status AS old_status
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason, message_id)
    SELECT c.execution_id, c.agent_id, step.kind, step.from_status, step.to_status,
           c.fence - (step.position <= 2 AND c.verdict <> 'cancelled')::int, c.attempts - (step.kind = 'lost')::int, c.reason, c.holder
      FROM changed c
      CROSS JOIN LATERAL (VALUES
          (1, 'lost', 'running', 'pending', c.verdict = 'taken' AND c.old_status = 'running'),
          (2, 'redriven', 'failed', 'pending', c.verdict <> 'taken' AND c.old_status = 'failed'),
          (3, 'claimed', 'pending', 'running', c.verdict IN ('taken', 'redriven')),
          (4, 'failed', 'running', 'failed', c.verdict = 'exhausted'),
          (5, 'cancelled', CASE c.old_status WHEN 'failed' THEN 'pending' ELSE c.old_status END, 'cancelled',
           c.verdict = 'cancelled')
      ) AS step (position, kind, from_status, to_status, applies)
     WHERE step.applies
     ORDER BY c.execution_id, step.position
),
noted AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, message_id)
    SELECT k.execution_id, k.agent_id, k.verdict, k.status, k.status, k.fence, k.attempts, k.message_id
      FROM judged k
     WHERE k.verdict IN ('duplicate', 'redelivered')
)
SELECT k.job_id, k.verdict, k.execution_id::text, k.created_at,
       coalesce(c.status, k.status), coalesce(c.fence, k.fence), coalesce(c.attempts, k.attempts),
       coalesce(c.max_attempts, k.max_attempts), coalesce(c.agent_version, k.agent_version), k.tenant,
       CASE WHEN k.verdict IN ('held', 'taken', 'redriven', 'exhausted') OR k.dlq_pending THEN k.params END,
       CASE WHEN k.verdict IN ('held', 'taken', 'redriven', 'exhausted') OR k.dlq_pending THEN k.config END,
       CASE WHEN k.verdict IN ('held', 'taken', 'redriven') THEN k.state END,
       coalesce(c.suspect, k.suspect), coalesce(c.dlq_pending, k.dlq_pending),
       coalesce(c.error, k.error), k.priority, k.source, k.traceparent, k.hops, k.queued_at,
       coalesce(c.lease_expires_at, k.lease_expires_at),
       coalesce(k.turn_seconds,
                extract(epoch FROM greatest(k.available_at, coalesce(k.lease_expires_at, k.available_at)) - now()))::float8
  FROM judged k
  LEFT JOIN changed c ON c.execution_id = k.execution_id;

-- name: settle
-- Writes how attempts ended, guarded by (running, fence): a row that another claim has taken since is not
-- returned. Failing sets `dlq_pending` in the same statement. What would be tried again ends as cancelled
-- when that was asked meanwhile. The metrics are those of the last attempt; `before` in them sums up the earlier ones.
WITH outcome AS (
    SELECT * FROM json_to_recordset(%(outcomes)s::json) AS o (
        execution_id uuid, created_at timestamptz, fence bigint, status text, kind text, result jsonb,
        result_ref text, error jsonb, metrics jsonb, config_version int, delay float8, relay_delay float8, refund int,
        reason text, log text)
     LIMIT %(count)s::int
),
settled AS (
    UPDATE agent_job_execution e
       SET status = CASE WHEN o.status = 'pending' AND e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE o.status END,
           attempts = e.attempts - coalesce(o.refund, 0),
           result = o.result,
           result_ref = o.result_ref,
           error = o.error,
           metrics = CASE WHEN e.metrics IS NULL THEN o.metrics ELSE coalesce(o.metrics, '{}') || jsonb_build_object('before', (
               SELECT jsonb_object_agg(name, coalesce((e.metrics->>name)::float8, 0) + coalesce((e.metrics->'before'->>name)::float8, 0))
                 FROM unnest(ARRAY['executionTime', 'inputTokens', 'outputTokens']) AS name)) END,
           config_version = coalesce(o.config_version, e.config_version),
           reason = CASE WHEN o.status = 'pending' AND e.cancel_requested_at IS NOT NULL THEN 'requested' ELSE o.reason END,
           log_tail = CASE WHEN o.log IS NULL THEN e.log_tail
                           ELSE right(coalesce(e.log_tail || E'\n', '') || o.log, 16384) END,
           suspect = e.suspect AND coalesce(o.kind, o.status) = 'handed_back',
           available_at = CASE o.status WHEN 'pending' THEN now() + make_interval(secs => o.delay) ELSE e.available_at END,
           relay_after = CASE WHEN o.status = 'pending' AND e.cancel_requested_at IS NULL
                              THEN now() + make_interval(secs => o.relay_delay) END,
           lease_expires_at = NULL,
           dlq_pending = (o.status = 'failed'),
           completed_at = CASE WHEN o.status <> 'pending' OR e.cancel_requested_at IS NOT NULL THEN now() END,
           updated_at = now()
      FROM outcome o
     WHERE e.execution_id = o.execution_id AND e.created_at = o.created_at
       AND e.status || '' = 'running' AND e.fence = o.fence
    RETURNING e.execution_id, e.agent_id, e.status, e.fence, e.attempts + coalesce(o.refund, 0) AS attempt,
              coalesce(o.kind, o.status) AS kind, o.reason
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT s.execution_id, s.agent_id,
           CASE WHEN s.status = 'cancelled' THEN 'cancelled' ELSE s.kind END,
           'running', s.status, s.fence, s.attempt, s.reason
      FROM settled s
)
SELECT s.status, string_agg(s.execution_id::text, ' ') FROM settled s GROUP BY s.status;

-- name: settled_already
-- Of these outcomes, which are in the ledger: answers what a lost COMMIT reply left open.
WITH outcome AS (
    SELECT * FROM json_to_recordset(%(outcomes)s::json) AS o (
        execution_id uuid, created_at timestamptz, fence bigint, status text)
     LIMIT %(count)s::int
)
SELECT e.status, string_agg(e.execution_id::text, ' ')
  FROM outcome o
  JOIN agent_job_execution e ON e.execution_id = o.execution_id AND e.created_at = o.created_at
 WHERE e.fence = o.fence AND (e.status = o.status OR (o.status = 'pending' AND e.status = 'cancelled'))
 GROUP BY e.status;

-- name: checkpoint
-- Saves an agent's progress under its fence; returns nothing when the claim is lost.
UPDATE agent_job_execution
   SET state = %(state)s::jsonb, updated_at = now()
 WHERE execution_id = %(execution_id)s::uuid AND created_at = %(created_at)s::timestamptz
   AND status || '' = 'running' AND fence = %(fence)s::bigint
RETURNING execution_id::text;

-- name: dead_letters_sent
-- The dead letters of these failures are in the DLQ.
WITH failure AS (
    SELECT * FROM json_to_recordset(%(failures)s::json) AS o (execution_id uuid, created_at timestamptz, fence bigint)
     LIMIT %(count)s::int
),
sent AS (
    UPDATE agent_job_execution e SET dlq_pending = false
      FROM failure o
     WHERE e.execution_id = o.execution_id AND e.created_at = o.created_at
       AND e.fence = o.fence AND e.status = 'failed' AND e.dlq_pending IS NOT FALSE
    RETURNING e.execution_id, e.agent_id, e.fence, e.attempts
)
INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt)
SELECT execution_id, agent_id, 'dead_lettered', 'failed', 'failed', fence, attempts FROM sent;

-- name: cancel
-- Calls a job off: a pending one never starts, a running one is asked to stop. Terminal ones stay.
WITH asked AS (
    SELECT e.execution_id, e.created_at, e.status AS old_status
      FROM job_key k
      JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at
     WHERE k.agent_id = %(agent_id)s::text AND k.job_id = %(job_id)s::text
       FOR UPDATE OF e
),
changed AS (
    UPDATE agent_job_execution e
       SET status = CASE e.status WHEN 'pending' THEN 'cancelled' ELSE e.status END,
           reason = CASE e.status WHEN 'pending' THEN %(reason)s::text ELSE e.reason END,
           completed_at = CASE e.status WHEN 'pending' THEN now() ELSE e.completed_at END,
           relay_after = NULL,
           cancel_requested_at = coalesce(e.cancel_requested_at, now()),
           updated_at = now()
      FROM asked a
     WHERE e.execution_id = a.execution_id AND e.created_at = a.created_at AND e.status IN ('pending', 'running')
    RETURNING e.execution_id, e.agent_id, e.status, e.fence, e.attempts, a.old_status
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id, CASE c.status WHEN 'cancelled' THEN 'cancelled' ELSE 'cancel_requested' END,
           c.old_status, c.status, c.fence, c.attempts, %(reason)s::text
      FROM changed c
)
SELECT coalesce(c.status, a.old_status) FROM asked a LEFT JOIN changed c ON c.execution_id = a.execution_id;
