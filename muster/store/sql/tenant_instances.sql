-- Instances as one tenant sees them: every statement names the tenant. What is told is computed when it is asked for.

-- name: register_instance
-- Registers an instance, or says anew what it is; an operator's word about it stays. Returns nothing when another
-- tenant has one of that id.
WITH written AS (
    INSERT INTO agent_instance AS i (
        instance_id, tenant, kind, agent_type, hostname, pid, version, url, endpoint, endpoints, capabilities, services,
        tags, metadata, capacity, running_jobs, load_metrics, heartbeat_seconds, stale_seconds, reported)
    SELECT %(instance_id)s::text, %(tenant)s::text, 'http', coalesce(n.agent_type, 'worker'), n.hostname, n.pid, n.version, n.url,
           coalesce(n.endpoint, '{}'), coalesce(n.endpoints, '{}'), coalesce(n.capabilities, '{}'),
           coalesce(n.services, '{}'), coalesce(n.tags, '{}'), coalesce(n.metadata, '{}'), coalesce(n.capacity, 100),
           coalesce(n.running_jobs, 0), coalesce(n.load_metrics, '{}'), coalesce(n.heartbeat_seconds, 30),
           coalesce(n.stale_seconds, 120), coalesce(n.reported, 'active')
      FROM jsonb_to_record(%(facts)s::jsonb) AS n (
           agent_type text, hostname text, pid integer, version text, url text, endpoint jsonb, endpoints jsonb,
           capabilities text[], services text[], tags text[], metadata jsonb, capacity integer, running_jobs integer,
           load_metrics jsonb, heartbeat_seconds integer, stale_seconds integer, reported text)
    ON CONFLICT (instance_id) DO UPDATE
       SET kind = excluded.kind, agent_type = excluded.agent_type, hostname = excluded.hostname, pid = excluded.pid,
           version = excluded.version, url = excluded.url, endpoint = excluded.endpoint, endpoints = excluded.endpoints,
           capabilities = excluded.capabilities, services = excluded.services, tags = excluded.tags,
           metadata = excluded.metadata, capacity = excluded.capacity, running_jobs = excluded.running_jobs,
           load_metrics = excluded.load_metrics, heartbeat_seconds = excluded.heartbeat_seconds,
           stale_seconds = excluded.stale_seconds, reported = excluded.reported, status = 'running',
           last_heartbeat = now(), stopped_at = NULL
     WHERE i.tenant = excluded.tenant
    RETURNING i.instance_id, xmax = 0 AS made
),
unlinked AS (
    DELETE FROM agent_instance_agent l USING written w
     WHERE l.instance_id = w.instance_id AND NOT l.agent_id = ANY(%(agents)s::text[])
),
linked AS (
    INSERT INTO agent_instance_agent (instance_id, agent_id)
    SELECT w.instance_id, a FROM written w CROSS JOIN unnest(%(agents)s::text[]) AS a
    ON CONFLICT DO NOTHING
)
SELECT w.made FROM written w;

-- name: find_instance
-- One instance.
SELECT to_jsonb(i) FROM agent_instance_now_v1 i
 WHERE i.instance_id = %(instance_id)s::text AND i.tenant = %(tenant)s::text;

-- name: discover_instances
-- Those that have everything that is asked for, the healthiest first, then the least loaded; null asks for nothing.
SELECT to_jsonb(i) FROM agent_instance_now_v1 i
 WHERE i.tenant = %(tenant)s::text
   AND (%(agent_id)s::text IS NULL OR %(agent_id)s::text = ANY(i.agents))
   AND (%(agent_type)s::text IS NULL OR i.agent_type = %(agent_type)s::text)
   AND (%(condition)s::text IS NULL OR i.condition = %(condition)s::text)
   AND (%(version)s::text IS NULL OR i.version = %(version)s::text)
   AND i.capabilities @> %(capabilities)s::text[]
   AND i.services @> %(services)s::text[]
   AND i.tags @> %(tags)s::text[]
   AND i.health_score >= %(min_health)s::float8
   AND i.capacity - i.running_jobs >= %(min_capacity)s::int
 ORDER BY i.health_score DESC, i.load, i.instance_id
 LIMIT %(limit)s::int;

-- name: instance_heartbeat
-- An instance is alive, and says how it is; what it does not say stays, and so does an operator's word. Returns
-- nothing when there is none, or it has deregistered.
WITH beaten AS (
    UPDATE agent_instance
       SET last_heartbeat = now(),
           status = CASE status WHEN 'stale' THEN 'running' ELSE status END,
           reported = coalesce(%(reported)s::text, reported),
           running_jobs = coalesce(%(running_jobs)s::int, running_jobs),
           capacity = coalesce(%(capacity)s::int, capacity),
           load_metrics = coalesce(%(load_metrics)s::jsonb, load_metrics)
     WHERE instance_id = %(instance_id)s::text AND tenant = %(tenant)s::text AND status <> 'stopped'
    RETURNING last_heartbeat
)
SELECT to_jsonb(last_heartbeat) FROM beaten;

-- name: instance_report
-- What an instance says of itself, or, with `by_operator`, what somebody orders: an order holds until another one.
-- It is no heartbeat.
WITH changed AS (
    UPDATE agent_instance
       SET ordered = CASE WHEN NOT %(by_operator)s::boolean THEN ordered
                          WHEN %(condition)s::text IN ('maintenance', 'inactive') THEN %(condition)s::text END,
           reported = CASE WHEN %(by_operator)s::boolean AND %(condition)s::text IN ('maintenance', 'inactive')
                           THEN reported ELSE %(condition)s::text END,
           load_metrics = coalesce(%(load_metrics)s::jsonb, load_metrics)
     WHERE instance_id = %(instance_id)s::text AND tenant = %(tenant)s::text AND status <> 'stopped'
    RETURNING 1
)
SELECT count(*)::int FROM changed;

-- name: deregister_instance
-- The instance ends. Its row stays for those who look back; it serves no agent any more.
WITH stopped AS (
    UPDATE agent_instance
       SET status = 'stopped', running_jobs = 0, stopped_at = coalesce(stopped_at, now())
     WHERE instance_id = %(instance_id)s::text AND tenant = %(tenant)s::text
    RETURNING instance_id
),
unlinked AS (
    DELETE FROM agent_instance_agent l USING stopped s WHERE l.instance_id = s.instance_id
)
SELECT instance_id FROM stopped;
