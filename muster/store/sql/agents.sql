-- What the command line shows of the registry. Read only.

-- name: list_agents
-- The active version of every agent; with `all` also the superseded and the retired ones.
SELECT agent_id, agent_version, description, compute, enabled, active, retired_at, owner, tags,
       capabilities, concurrency, retries, timeout_seconds, updated_at
  FROM agent_registry
 WHERE %(all)s OR (active AND retired_at IS NULL)
 ORDER BY agent_id, agent_version;

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
                 LIMIT 20) AS first) AS schedules
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
