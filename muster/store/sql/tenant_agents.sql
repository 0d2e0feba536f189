-- The registry as one tenant sees it: its own agents, and those of everybody.

-- name: tenant_agents
-- Active agents by their id, after the one where the last page ended; null filters nothing.
SELECT jsonb_build_object(
           'agent_id', r.agent_id, 'agent_version', r.agent_version, 'tenant', r.tenant, 'name', r.name,
           'description', r.description, 'compute', r.compute,
           'endpoint', r.endpoint #- '{authentication,secret}', 'enabled', r.enabled,
           'input_schema', r.input_schema, 'output_schema', r.output_schema, 'config_schema', r.config_schema,
           'default_config', r.default_config, 'health_check', r.health_check, 'metadata', r.metadata,
           'capabilities', to_jsonb(r.capabilities), 'tags', to_jsonb(r.tags), 'retries', r.retries,
           'timeout_seconds', r.timeout_seconds, 'concurrency', r.concurrency,
           'managed_by', CASE WHEN r.owner IS NULL THEN 'hand' ELSE 'stack' END,
           'instances', (SELECT count(*) FROM agent_instance_agent l
                           JOIN agent_instance_now_v1 i ON i.instance_id = l.instance_id
                          WHERE l.agent_id = r.agent_id AND i.condition NOT IN ('inactive', 'stale')),
           'last_heartbeat', (SELECT max(i.last_heartbeat) FROM agent_instance_agent l
                                JOIN agent_instance i ON i.instance_id = l.instance_id
                               WHERE l.agent_id = r.agent_id),
           'endpoint_health', (SELECT jsonb_build_object('healthy', h.healthy, 'reason', h.reason, 'checked_at', h.checked_at)
                                 FROM agent_endpoint_now_v1 h WHERE h.agent_id = r.agent_id),
           'created_at', r.created_at, 'updated_at', r.updated_at)
  FROM agent_registry r
 WHERE r.active AND r.tenant IN (%(tenant)s::text, 'default')
   AND (%(agent_id)s::text IS NULL OR r.agent_id = %(agent_id)s::text)
   AND (%(enabled)s::boolean IS NULL OR r.enabled = %(enabled)s::boolean)
   AND (%(capability)s::text IS NULL OR %(capability)s::text = ANY(r.capabilities))
   AND (%(tag)s::text IS NULL OR %(tag)s::text = ANY(r.tags))
   AND (%(healthy)s::boolean IS NULL
        OR %(healthy)s::boolean <> EXISTS (SELECT 1 FROM agent_endpoint_now_v1 h
                                            WHERE h.agent_id = r.agent_id AND NOT h.healthy))
   AND (%(after)s::text IS NULL OR r.agent_id > %(after)s::text)
 ORDER BY r.agent_id
 LIMIT %(limit)s::int;

-- name: agent_standing
-- Whether the tenant's agent of that id and version is there already, and whether a stack or another tenant has its id.
SELECT EXISTS (SELECT 1 FROM agent_registry r
                WHERE r.agent_id = %(agent_id)s::text AND r.agent_version = %(agent_version)s::text
                  AND r.tenant = %(tenant)s::text),
       EXISTS (SELECT 1 FROM agent_registry r WHERE r.agent_id = %(agent_id)s::text AND r.tenant <> %(tenant)s::text),
       EXISTS (SELECT 1 FROM agent_registry r
                WHERE r.agent_id = %(agent_id)s::text AND r.active AND r.owner IS NOT NULL);

-- name: switch_tenant_agent
-- The operator's switch of the tenant's own agent, at every version.
WITH switched AS (
    UPDATE agent_registry SET enabled = %(enabled)s::boolean, updated_at = now()
     WHERE agent_id = %(agent_id)s::text AND tenant = %(tenant)s::text
    RETURNING 1
)
SELECT count(*)::int FROM switched;

-- name: retire_tenant_agent
-- Soft: row and history stay. Only what was registered by hand; a stack retires its own.
WITH retired AS (
    UPDATE agent_registry SET active = false, retired_at = now(), updated_at = now()
     WHERE agent_id = %(agent_id)s::text AND tenant = %(tenant)s::text AND active AND owner IS NULL
    RETURNING 1
)
SELECT count(*)::int FROM retired;
