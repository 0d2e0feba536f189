-- What the command line shows of the registry. Read only.

-- name: list_agents
-- The active version of every agent; with `all` also the superseded and the retired ones.
SELECT r.agent_id, r.agent_version, r.description, r.compute, r.enabled, r.active, r.retired_at, r.owner, r.tags,
       r.capabilities, r.concurrency, r.retries, r.timeout_seconds, r.updated_at,
       CASE WHEN NOT r.active OR NOT r.endpoint ? 'url' THEN NULL
            WHEN h.healthy THEN 'healthy' WHEN NOT h.healthy THEN 'unhealthy: ' || h.reason
            ELSE coalesce('not asked: ' || h.reason, 'not asked yet') END AS endpoint_health
  FROM agent_registry r
  LEFT JOIN agent_endpoint_now_v1 h ON h.agent_id = r.agent_id AND r.active
 WHERE %(all)s OR (r.active AND r.retired_at IS NULL)
 ORDER BY r.agent_id, r.agent_version;

-- name: show_agent
-- The active version of one agent, or the newest when none is, with how its executions ended lately and
-- the first of its schedules.
SELECT r.*,
       (SELECT coalesce(jsonb_object_agg(status, n), '{}')
          FROM (SELECT status, count(*) AS n FROM agent_job_execution
                 WHERE agent_id = r.agent_id AND created_at > now() - interval '1 day'
                 GROUP BY status) AS counted) AS executions_last_day,
       (SELECT coalesce(jsonb_agg(to_jsonb(first)), '[]')
          FROM (SELECT tenant, name, kind, expression, timezone, enabled, paused, problem,
                       nullif(next_at, '-infinity') AS next_at, last_planned_at
                  FROM agent_schedule
                 WHERE agent_id = r.agent_id AND retired_at IS NULL
                 ORDER BY tenant, name
                 LIMIT 20) AS first) AS schedules,
       (SELECT to_jsonb(h) - 'agent_id' FROM agent_endpoint_now_v1 h
         WHERE h.agent_id = r.agent_id AND r.active) AS endpoint_health
  FROM agent_registry r
 WHERE r.agent_id = %(agent)s
 ORDER BY r.active DESC, r.updated_at DESC
 LIMIT 1;

-- name: agent_endpoints
-- Queues of the agents that have any; a retired agent's queues may still hold messages.
SELECT DISTINCT ON (agent_id) agent_id, agent_version, enabled, retired_at, endpoint
  FROM agent_registry
 WHERE endpoint ->> 'type' = 'sqs' AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)
 ORDER BY agent_id, active DESC, updated_at DESC;
