-- Workers outside: what a tenant's worker takes over HTTP, and what it reports under its fence.

-- name: outside_agent
-- The agent whose jobs a tenant's worker asks for: its own, or one of everybody's.
SELECT r.compute, r.enabled, r.timeout_seconds
  FROM agent_registry r
 WHERE r.agent_id = %(agent_id)s::text AND r.active AND r.tenant IN (%(tenant)s::text, 'default');

-- name: take_waiting
-- Takes jobs that wait. The config is what holds for each: the request's over the operators' over the defaults.
SELECT t.execution_id::text, t.created_at, t.job_id, t.agent_version, t.fence, t.attempts, t.max_attempts, t.params,
       r.default_config || coalesce(c.config, '{}') || coalesce(t.config, '{}'), t.state, t.priority, t.source,
       t.traceparent, t.lease_expires_at
  FROM muster_take_waiting_v2(%(agent_id)s::text, %(tenant)s::text, %(count)s::int, %(worker)s::text,
                              %(claim_token)s::uuid, %(lease_seconds)s::float8) t
  JOIN agent_registry r ON r.agent_id = t.agent_id AND r.active
  LEFT JOIN LATERAL (SELECT a.config FROM agent_config a
                      WHERE a.agent_id = t.agent_id ORDER BY a.version DESC LIMIT 1) c ON true;

-- name: report_progress
-- What a worker says while it works, which puts off the end of its lease, though not past the deadline. Its metrics
-- wait beside it for the end of the attempt. Returns nothing when the fence is another's by now.
UPDATE agent_job_execution e
   SET progress = jsonb_build_object(
           'said', coalesce(%(progress)s::jsonb, e.progress -> 'said'),
           'metrics', coalesce(e.progress -> 'metrics', '{}') || coalesce(%(metrics)s::jsonb, '{}')),
       state = coalesce(%(state)s::jsonb, e.state),
       lease_expires_at = greatest(e.lease_expires_at,
                                   least(now() + make_interval(secs => %(lease_seconds)s::float8),
                                         %(deadline)s::timestamptz)),
       updated_at = now()
 WHERE e.execution_id = %(execution_id)s::uuid AND e.created_at = %(created_at)s::timestamptz
   AND e.tenant = %(tenant)s::text AND e.status || '' = 'running' AND e.fence = %(fence)s::bigint
RETURNING e.status, e.cancel_requested_at IS NOT NULL, e.lease_expires_at;

-- name: held_execution
-- What deciding on the end of an attempt needs; nothing when the fence is another's by now.
SELECT e.agent_id, e.job_id, e.agent_version, e.attempts, e.max_attempts, e.progress -> 'metrics', e.priority, e.source,
       e.traceparent, e.hops, e.queued_at, e.cancel_requested_at IS NOT NULL
  FROM agent_job_execution e
 WHERE e.execution_id = %(execution_id)s::uuid AND e.created_at = %(created_at)s::timestamptz
   AND e.tenant = %(tenant)s::text AND e.fence = %(fence)s::bigint;
