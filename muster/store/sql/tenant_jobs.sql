-- Jobs as one tenant sees them: every statement names the tenant, so that no caller can forget it.

-- name: job_agent
-- The agent that a tenant's job is for: its own, or one of everybody's.
SELECT r.enabled, r.input_schema, r.endpoint -> 'queues', r.xmin::text || ' ' || r.ctid::text
  FROM agent_registry r
 WHERE r.agent_id = %(agent_id)s::text AND r.active AND r.tenant IN (%(tenant)s::text, 'default');

-- name: submit_job
-- Records a job that the relay sends should nobody else have done so by then: the row is the outbox. A job id that
-- is known already is skipped by its unique key and not returned. So is every job of an agent that takes none, or whose
-- row is not the one with the given stamp; and while the stage takes none, every job that nobody has let in before.
WITH agent AS MATERIALIZED (
    SELECT r.agent_id, r.agent_version, r.retries
      FROM agent_registry r
     WHERE r.agent_id = %(agent_id)s::text AND r.active AND r.enabled AND r.tenant IN (%(tenant)s::text, 'default')
       AND coalesce(r.xmin::text || ' ' || r.ctid::text = %(stamp)s::text, true)
       AND (%(let_in)s::boolean OR NOT EXISTS (SELECT FROM intake_stopped_v1))
),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT a.agent_id, %(job_id)s::text, %(execution_id)s::uuid, now() FROM agent a
    ON CONFLICT (agent_id, job_id) DO NOTHING
    RETURNING execution_id, created_at
),
made AS (
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, agent_version, tenant, max_attempts, priority, source, params,
        config, relay_after, traceparent)
    SELECT k.execution_id, k.created_at, %(job_id)s::text, a.agent_id, a.agent_version, %(tenant)s::text, a.retries + 1,
           %(priority)s::text, 'api', %(params)s::jsonb, %(config)s::jsonb,
           now() + make_interval(secs => %(grace_seconds)s::float8), %(traceparent)s::text
      FROM keyed k CROSS JOIN agent a
    RETURNING execution_id, agent_id, job_id, status, created_at
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, to_status, fence, attempt)
    SELECT m.execution_id, m.agent_id, 'created', 'pending', 0, 0 FROM made m
)
SELECT jsonb_build_object('execution_id', m.execution_id, 'job_id', m.job_id, 'agent_id', m.agent_id,
                          'status', m.status, 'created_at', m.created_at)
  FROM made m;

-- name: submit_job_at_once
-- Recognises, counts and records in one round trip, where key and agent are as this process knows them.
CALL muster_submit_job_v1(%(asked)s::json, NULL, NULL);

-- name: recorded_job
-- A job that is known already, and whether it is what the tenant asks for once more.
SELECT jsonb_build_object('execution_id', e.execution_id, 'job_id', e.job_id, 'agent_id', e.agent_id,
                          'status', e.status, 'created_at', e.created_at),
       e.tenant = %(tenant)s::text AND e.params = %(params)s::jsonb AND e.priority = %(priority)s::text
       AND e.config IS NOT DISTINCT FROM %(config)s::jsonb AS same
  FROM job_key k
  JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at
 WHERE k.agent_id = %(agent_id)s::text AND k.job_id = %(job_id)s::text;

-- name: page_of_jobs
-- Newest first, after the place where the last page ended. Each agent's newest are found by its index, so that a
-- page costs as much among a million jobs as among a hundred.
SELECT jsonb_build_object(
           'execution_id', j.execution_id, 'job_id', j.job_id, 'agent_id', j.agent_id, 'agent_version', j.agent_version,
           'status', j.status, 'priority', j.priority, 'source', j.source, 'attempts', j.attempts,
           'max_attempts', j.max_attempts, 'reason', j.reason, 'error_code', j.error ->> 'code',
           'created_at', j.created_at, 'started_at', j.started_at, 'completed_at', j.completed_at),
       j.created_at, j.execution_id::text
  FROM (SELECT DISTINCT r.agent_id FROM agent_registry r
         WHERE %(agent_id)s::text IS NULL OR r.agent_id = %(agent_id)s::text) a
 CROSS JOIN LATERAL (
       SELECT e.* FROM agent_job_execution e
        WHERE e.agent_id = a.agent_id AND e.tenant = %(tenant)s::text
          AND (%(status)s::text IS NULL OR e.status || '' = %(status)s::text)
          AND (%(priority)s::text IS NULL OR e.priority = %(priority)s::text)
          AND (%(source)s::text IS NULL OR e.source = %(source)s::text)
          AND (%(job_id)s::text IS NULL OR e.job_id = %(job_id)s::text)
          AND e.created_at <= coalesce(%(before)s::timestamptz, 'infinity')
          AND (e.created_at, e.execution_id)
              < (coalesce(%(before)s::timestamptz, 'infinity'),
                 coalesce(%(before_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY e.created_at DESC, e.execution_id DESC
        LIMIT %(limit)s::int) j
 ORDER BY j.created_at DESC, j.execution_id DESC
 LIMIT %(limit)s::int;

-- name: tenant_job
-- The tenant's executions that an id names, be it the execution's or the job's: a job id is unique per agent only.
WITH named AS (
    SELECT e.execution_id, e.created_at FROM agent_job_execution e
     WHERE e.execution_id = %(execution_id)s::uuid
     UNION
    SELECT k.execution_id, k.created_at
      FROM (SELECT DISTINCT r.agent_id FROM agent_registry r) a
      JOIN job_key k ON k.agent_id = a.agent_id AND k.job_id = %(id)s::text
)
SELECT jsonb_build_object(
           'execution_id', e.execution_id, 'job_id', e.job_id, 'agent_id', e.agent_id, 'agent_version', e.agent_version,
           'status', e.status, 'priority', e.priority, 'source', e.source, 'attempts', e.attempts,
           'max_attempts', e.max_attempts, 'reason', e.reason, 'error_code', e.error ->> 'code',
           'params', e.params, 'config', e.config, 'config_version', e.config_version, 'result', e.result,
           'result_ref', e.result_ref, 'error', e.error, 'metrics', e.metrics, 'progress', e.progress -> 'said', 'code_version', e.code_version,
           'traceparent', e.traceparent, 'redrives', e.redrives, 'scheduled_for', e.scheduled_for,
           'available_at', e.available_at, 'queued_at', e.queued_at, 'cancel_requested_at', e.cancel_requested_at,
           'created_at', e.created_at, 'started_at', e.started_at, 'completed_at', e.completed_at,
           'updated_at', e.updated_at,
           'events', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                          'at', v.at, 'kind', v.kind, 'from_status', v.from_status, 'to_status', v.to_status,
                          'attempt', v.attempt, 'reason', v.reason) ORDER BY v.id)
                 FROM (SELECT * FROM execution_event o WHERE o.execution_id = e.execution_id
                        ORDER BY o.id DESC LIMIT %(events)s::int) v), '[]'))
  FROM named n
  JOIN agent_job_execution e ON e.execution_id = n.execution_id AND e.created_at = n.created_at
 WHERE e.tenant = %(tenant)s::text AND (%(agent_id)s::text IS NULL OR e.agent_id = %(agent_id)s::text)
 ORDER BY e.created_at DESC;

-- name: retry_job
-- Makes a failed execution pending again, with its whole budget; the relay sends it should nobody else have done
-- so by then. Returns nothing when it is not failed, its agent takes no jobs, or nobody understood its message.
WITH failed AS (
    SELECT e.execution_id, e.created_at, r.retries
      FROM agent_job_execution e
      JOIN agent_registry r ON r.agent_id = e.agent_id AND r.active AND r.enabled
     WHERE e.execution_id = %(execution_id)s::uuid AND e.tenant = %(tenant)s::text AND e.status || '' = 'failed'
       AND e.body IS NULL
       FOR UPDATE OF e
),
changed AS (
    UPDATE agent_job_execution e
       SET status = 'pending', attempts = 0, max_attempts = f.retries + 1, redrives = e.redrives + 1,
           error = NULL, reason = NULL, suspect = false, dlq_pending = false, holder = NULL,
           cancel_requested_at = NULL, completed_at = NULL, lease_expires_at = NULL, available_at = now(),
           relay_after = now() + make_interval(secs => %(grace_seconds)s::float8), updated_at = now()
      FROM failed f
     WHERE e.execution_id = f.execution_id AND e.created_at = f.created_at
    RETURNING e.execution_id, e.agent_id, e.fence, e.job_id, e.priority, e.source
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id, 'redriven', 'failed', 'pending', c.fence, 0, 'requested' FROM changed c
)
SELECT 1 FROM changed;
