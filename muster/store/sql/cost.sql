-- What jobs used, as their executions say. Read only. `before` in the metrics are the sums of earlier attempts. The
-- manifest is that of the version that ran, or of the active one where that version was never registered.

-- name: usage_of_agents
-- Each agent and version whose jobs ended in a period; null as the agent means all of them.
SELECT e.agent_id, e.agent_version, r.manifest, count(*)::int AS jobs,
       sum(greatest(e.attempts, 1))::int AS attempts,
       coalesce(sum((e.metrics->>'executionTime')::float8 + coalesce((e.metrics->'before'->>'executionTime')::float8, 0)), 0)
           / 1000 AS seconds,
       coalesce(max((e.metrics->>'executionTime')::float8), 0) / 1000 AS longest,
       coalesce(max((e.metrics->>'memoryUsage')::float8), 0) AS peak_bytes,
       coalesce(sum(coalesce((e.metrics->>'inputTokens')::bigint, 0)
                    + coalesce((e.metrics->'before'->>'inputTokens')::bigint, 0)), 0)::bigint AS input_tokens,
       coalesce(sum(coalesce((e.metrics->>'outputTokens')::bigint, 0)
                    + coalesce((e.metrics->'before'->>'outputTokens')::bigint, 0)), 0)::bigint AS output_tokens
  FROM agent_job_execution e
  LEFT JOIN LATERAL (
        SELECT a.manifest FROM agent_registry a WHERE a.agent_id = e.agent_id
         ORDER BY (a.agent_version = e.agent_version) DESC, a.active DESC LIMIT 1) r ON true
 WHERE e.created_at >= now() - make_interval(secs => %(seconds)s)
   AND e.started_at IS NOT NULL
   AND (%(agent)s::text IS NULL OR e.agent_id = %(agent)s)
 GROUP BY e.agent_id, e.agent_version, r.manifest
 ORDER BY e.agent_id, e.agent_version;

-- name: usage_of_job
-- The same of single executions, whichever of its two ids is given.
SELECT e.agent_id, e.agent_version, r.manifest, e.job_id, e.execution_id, e.status, greatest(e.attempts, 1) AS attempts,
       (coalesce((e.metrics->>'executionTime')::float8, 0) + coalesce((e.metrics->'before'->>'executionTime')::float8, 0))
           / 1000 AS seconds,
       coalesce((e.metrics->>'inputTokens')::bigint, 0)
           + coalesce((e.metrics->'before'->>'inputTokens')::bigint, 0) AS input_tokens,
       coalesce((e.metrics->>'outputTokens')::bigint, 0)
           + coalesce((e.metrics->'before'->>'outputTokens')::bigint, 0) AS output_tokens
  FROM agent_job_execution e
  LEFT JOIN LATERAL (
        SELECT a.manifest FROM agent_registry a WHERE a.agent_id = e.agent_id
         ORDER BY (a.agent_version = e.agent_version) DESC, a.active DESC LIMIT 1) r ON true
 WHERE (e.execution_id::text = %(id)s
        OR (e.execution_id, e.created_at) IN (SELECT k.execution_id, k.created_at FROM job_key k WHERE k.job_id = %(id)s))
   AND e.started_at IS NOT NULL
 ORDER BY e.created_at;
