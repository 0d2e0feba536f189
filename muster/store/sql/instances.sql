-- name: instance_beat
-- Registers an instance or renews its heartbeat; one that was marked as stale is back.
WITH beaten AS (
    INSERT INTO agent_instance AS i (
        instance_id, kind, status, hostname, pid, version, code_version, deployment, url, running_jobs, metadata,
        heartbeat_seconds, stale_seconds)
    VALUES (%(instance_id)s::text, %(kind)s::text, %(status)s::text, %(hostname)s::text, %(pid)s::int,
            %(version)s::text, %(code_version)s::text, %(deployment)s::text, %(url)s::text,
            %(running_jobs)s::int, %(metadata)s::jsonb, %(heartbeat_seconds)s::int, %(stale_seconds)s::int)
    ON CONFLICT (instance_id) DO UPDATE
       SET status = excluded.status, running_jobs = excluded.running_jobs, hostname = excluded.hostname,
           pid = excluded.pid, version = excluded.version, code_version = excluded.code_version,
           deployment = excluded.deployment, url = excluded.url, metadata = excluded.metadata,
           heartbeat_seconds = excluded.heartbeat_seconds, stale_seconds = excluded.stale_seconds,
           last_heartbeat = now(), stopped_at = NULL
    RETURNING i.instance_id
)
INSERT INTO agent_instance_agent (instance_id, agent_id)
SELECT b.instance_id, a.agent_id FROM beaten b CROSS JOIN json_array_elements_text(%(agent_ids)s::json) AS a (agent_id)
ON CONFLICT DO NOTHING;

-- name: instance_stop
-- An instance says that it ends; it serves no agent any more.
WITH stopped AS (
    UPDATE agent_instance
       SET status = 'stopped', running_jobs = 0, last_heartbeat = now(), stopped_at = now()
     WHERE instance_id = %(instance_id)s::text
    RETURNING instance_id
)
DELETE FROM agent_instance_agent l USING stopped s WHERE l.instance_id = s.instance_id;

-- name: instances_stale
-- Marks instances that have been silent for longer than each may be. What they ran is taken up when its lease ends.
UPDATE agent_instance SET status = 'stale'
 WHERE status IN ('running', 'draining')
   AND last_heartbeat < now() - make_interval(secs => stale_seconds)
RETURNING instance_id;

-- name: instances_forget
-- Removes listeners that ended long ago, a page at a time; others are few and come again under their own name.
DELETE FROM agent_instance
 WHERE instance_id IN (
    SELECT instance_id FROM agent_instance
     WHERE kind = 'listener' AND status IN ('stopped', 'stale')
       AND last_heartbeat < now() - make_interval(secs => %(keep_seconds)s::float8)
     LIMIT %(page)s::int);

-- name: instances
-- Instances, the newest heartbeat first; null: of every agent. One that nobody has marked yet is told as stale.
SELECT i.instance_id, i.kind,
       CASE WHEN i.status IN ('running', 'draining')
             AND i.last_heartbeat < now() - make_interval(secs => i.stale_seconds)
            THEN 'stale' ELSE i.status END AS status,
       i.hostname, i.pid, i.version, i.deployment, i.url, i.running_jobs,
       i.started_at, i.last_heartbeat, i.stopped_at,
       array(SELECT l.agent_id FROM agent_instance_agent l
              WHERE l.instance_id = i.instance_id ORDER BY l.agent_id) AS agents
  FROM agent_instance i
 WHERE %(agent_id)s::text IS NULL
    OR EXISTS (SELECT 1 FROM agent_instance_agent l
                WHERE l.instance_id = i.instance_id AND l.agent_id = %(agent_id)s::text)
 ORDER BY i.last_heartbeat DESC
 LIMIT %(limit)s::int;

-- name: instances_here
-- Listeners on this machine, and tasks that they launched, that have not said that they ended.
SELECT i.pid
  FROM agent_instance i
 WHERE i.kind = 'listener' AND i.hostname = %(hostname)s::text AND i.pid IS NOT NULL AND i.status <> 'stopped'
 ORDER BY i.pid;
