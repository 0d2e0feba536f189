-- AgentConfig: what operators changed of the agents' defaults. The highest version holds.

-- name: current_config
-- What the operators have changed by now, for the agent's workers.
SELECT version, config FROM agent_config
 WHERE agent_id = %(agent_id)s::text
 ORDER BY version DESC
 LIMIT 1;

-- name: config_of_agent
-- Defaults and schema of the active version of an agent, or of its newest when none is, and the last change.
SELECT r.agent_id, r.agent_version, r.default_config, r.config_schema,
       coalesce(c.version, 0) AS version, coalesce(c.config, '{}') AS config, c.created_by, c.created_at
  FROM agent_registry r
  LEFT JOIN LATERAL (SELECT * FROM agent_config
                      WHERE agent_id = r.agent_id ORDER BY version DESC LIMIT 1) c ON true
 WHERE r.agent_id = %(agent)s
 ORDER BY r.active DESC, r.updated_at DESC
 LIMIT 1;

-- name: change_config
-- Writes the next version if the last one still is what the operator has seen; else it returns nothing.
-- Of two that write the same version at once, the key lets one through.
INSERT INTO agent_config (agent_id, version, config, created_by)
SELECT %(agent)s, %(seen)s + 1, %(config)s::jsonb, %(by)s
 WHERE %(seen)s = coalesce((SELECT max(version) FROM agent_config WHERE agent_id = %(agent)s), 0)
ON CONFLICT (agent_id, version) DO NOTHING
RETURNING version, created_at;

-- name: config_history
-- The versions of an agent's changes, newest first.
SELECT version, config, created_by, created_at
  FROM agent_config
 WHERE agent_id = %(agent)s
 ORDER BY version DESC
 LIMIT %(limit)s;
