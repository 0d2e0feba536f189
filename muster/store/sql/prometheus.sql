-- What Prometheus is told, as samples: name, labels, value. Labels are agents, and words of fixed sets.

-- name: samples
-- Everything that a tenant may know. Counts and latencies are of the last `window_seconds`; a job is distributed when
-- a worker has claimed it.
WITH mine AS (
    SELECT r.agent_id, r.enabled FROM agent_registry r WHERE r.active AND r.tenant = %(tenant)s::text
),
ended AS (
    SELECT e.agent_id, e.status, e.metrics, e.started_at, e.queued_at,
           greatest(e.queued_at, e.scheduled_for) AS asked_at, e.completed_at
      FROM agent_job_execution e
     WHERE e.tenant = %(tenant)s::text AND e.completed_at > now() - make_interval(secs => %(window_seconds)s::float8)
),
open AS (
    SELECT e.agent_id, e.status, e.priority, e.started_at, greatest(e.queued_at, e.scheduled_for) AS asked_at
      FROM agent_job_execution e
     WHERE e.tenant = %(tenant)s::text AND e.status = 'running'
    UNION ALL
    SELECT e.agent_id, e.status, e.priority, e.started_at, greatest(e.queued_at, e.scheduled_for)
      FROM agent_job_execution e
     WHERE e.tenant = %(tenant)s::text AND e.status = 'pending' AND e.available_at <= now()
),
begun AS (
    SELECT b.agent_id, extract(epoch FROM b.started_at - b.asked_at)::float8 AS waited
      FROM (SELECT agent_id, started_at, asked_at FROM ended UNION ALL SELECT agent_id, started_at, asked_at FROM open) b
     WHERE b.started_at > now() - make_interval(secs => %(window_seconds)s::float8)
),
latency AS (
    SELECT e.agent_id,
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
               ORDER BY extract(epoch FROM e.completed_at - e.asked_at)::float8) AS seconds
      FROM ended e WHERE e.status = 'completed' GROUP BY e.agent_id
),
serving AS (
    SELECT l.agent_id, i.status, i.running_jobs
      FROM agent_instance i JOIN agent_instance_agent l USING (instance_id) JOIN mine m USING (agent_id)
)
SELECT 'muster_agents' AS name, jsonb_build_object('state', CASE WHEN m.enabled THEN 'enabled' ELSE 'disabled' END) AS labels,
       count(*)::float8 AS value FROM mine m GROUP BY 2
UNION ALL
SELECT 'muster_instances', jsonb_build_object('agent', s.agent_id, 'status', s.status), count(*)::float8
  FROM serving s GROUP BY 2
UNION ALL
SELECT 'muster_instance_load', jsonb_build_object('agent', s.agent_id, 'of', v.of), v.value
  FROM (SELECT agent_id, min(running_jobs)::float8 AS least, avg(running_jobs)::float8 AS mean, max(running_jobs)::float8 AS most
          FROM serving WHERE status = 'running' GROUP BY agent_id) s
 CROSS JOIN LATERAL (VALUES ('least', s.least), ('mean', s.mean), ('most', s.most)) v (of, value)
UNION ALL
SELECT 'muster_queue_messages', jsonb_build_object('agent', d.agent_id, 'priority', d.lane, 'state', v.state), v.value::float8
  FROM lane_depth d JOIN mine m USING (agent_id)
 CROSS JOIN LATERAL (VALUES ('visible', d.visible), ('in_flight', d.in_flight), ('delayed', d.delayed)) v (state, value)
UNION ALL
SELECT 'muster_jobs_pending', jsonb_build_object('agent', o.agent_id, 'priority', o.priority), count(*)::float8
  FROM open o WHERE o.status = 'pending' GROUP BY 2
UNION ALL
SELECT 'muster_jobs_running', jsonb_build_object('agent', o.agent_id), count(*)::float8
  FROM open o WHERE o.status = 'running' GROUP BY 2
UNION ALL
SELECT 'muster_job_oldest_seconds', jsonb_build_object('agent', o.agent_id), extract(epoch FROM now() - min(o.asked_at))::float8
  FROM open o GROUP BY 2
UNION ALL
SELECT 'muster_jobs_ended', jsonb_build_object('agent', e.agent_id, 'outcome', e.status), count(*)::float8
  FROM ended e GROUP BY 2
UNION ALL
SELECT 'muster_jobs_distributed', jsonb_build_object('agent', b.agent_id), count(*)::float8 FROM begun b GROUP BY 2
UNION ALL
SELECT 'muster_distribution_seconds', jsonb_build_object('agent', b.agent_id), avg(b.waited) FROM begun b GROUP BY 2
UNION ALL
SELECT 'muster_job_latency_seconds', jsonb_build_object('agent', l.agent_id, 'quantile', q.quantile), q.seconds
  FROM latency l CROSS JOIN LATERAL unnest(ARRAY['0.5', '0.95', '0.99'], l.seconds) q (quantile, seconds)
UNION ALL
SELECT 'muster_tasks', jsonb_build_object('outcome', CASE WHEN t.closed_at IS NOT NULL THEN 'cancelled'
                                                          WHEN t.routed_at IS NOT NULL THEN 'routed' ELSE 'waiting' END),
       count(*)::float8
  FROM task t
 WHERE t.tenant = %(tenant)s::text AND t.created_at > now() - make_interval(secs => %(window_seconds)s::float8) GROUP BY 2
UNION ALL
SELECT 'muster_tasks_waiting', jsonb_build_object('priority', t.priority), count(*)::float8
  FROM task t WHERE t.tenant = %(tenant)s::text AND t.routed_at IS NULL AND t.closed_at IS NULL GROUP BY 2
UNION ALL
SELECT 'muster_job_run_seconds', jsonb_build_object('agent', e.agent_id), sum((e.metrics->>'executionTime')::float8) / 1000
  FROM ended e WHERE jsonb_typeof(e.metrics->'executionTime') = 'number' GROUP BY 2
UNION ALL
SELECT 'muster_job_memory_megabytes', jsonb_build_object('agent', e.agent_id), max((e.metrics->>'memoryUsage')::float8)
  FROM ended e WHERE jsonb_typeof(e.metrics->'memoryUsage') = 'number' GROUP BY 2
 ORDER BY 1, 2;
