-- name: take_lease
-- Takes or renews a lease; returns its fencing number, or nothing while another holder's is alive.
INSERT INTO lease AS l (name, holder, expires_at)
VALUES (%(name)s, %(holder)s, now() + make_interval(secs => %(ttl_seconds)s::float8))
ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder, expires_at = excluded.expires_at,
       acquired_at = CASE WHEN l.holder = excluded.holder THEN l.acquired_at ELSE now() END,
       fence = CASE WHEN l.holder = excluded.holder THEN l.fence ELSE excluded.fence END
 WHERE l.expires_at < now() OR l.holder = excluded.holder
RETURNING fence;

-- name: release_lease
-- Gives a lease back before its time.
UPDATE lease SET expires_at = now() WHERE name = %(name)s AND holder = %(holder)s AND fence = %(fence)s;

-- name: leases_forget
-- Removes leases that ended long ago; their fencing numbers come from a sequence, so none is given again.
WITH forgotten AS (
    DELETE FROM lease WHERE expires_at < now() - make_interval(secs => %(keep_seconds)s::float8) RETURNING 1
)
SELECT count(*)::int FROM forgotten;

-- name: rescue
-- Executions whose lease is gone: pending again (as suspects) while attempts remain, else failed as `lost`;
-- cancelled when that was asked.
WITH lost AS (
    SELECT e.execution_id, e.created_at, e.status AS old_status,
           CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN e.attempts < e.max_attempts THEN 'pending' ELSE 'failed' END AS verdict
      FROM agent_job_execution e
     WHERE e.status = 'running' AND e.lease_expires_at < now() - make_interval(secs => %(grace_seconds)s::float8)
     ORDER BY e.lease_expires_at
     LIMIT %(page)s::int
       FOR UPDATE OF e SKIP LOCKED
),
changed AS (
    UPDATE agent_job_execution e
       SET status = l.verdict,
           suspect = (l.verdict = 'pending'),
           available_at = CASE l.verdict WHEN 'pending' THEN now() ELSE e.available_at END,
           relay_after = CASE l.verdict WHEN 'pending' THEN now() END,
           lease_expires_at = NULL,
           error = CASE l.verdict WHEN 'cancelled' THEN e.error ELSE jsonb_build_object(
               'message', 'The worker vanished during the attempt (crash, kill, timeout or out of memory).',
               'code', 'lost', 'class', NULL, 'stack', NULL, 'timestamp', now(), 'retryable', l.verdict = 'pending') END,
           reason = CASE l.verdict WHEN 'cancelled' THEN 'requested' ELSE e.reason END,
           dlq_pending = (l.verdict = 'failed'),
           completed_at = CASE WHEN l.verdict <> 'pending' THEN now() END,
           updated_at = now()
      FROM lost l
     WHERE e.execution_id = l.execution_id AND e.created_at = l.created_at
    RETURNING e.execution_id, e.agent_id, e.status, e.fence, e.attempts, l.old_status
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id,
           CASE c.status WHEN 'pending' THEN 'rescued' ELSE c.status END,
           c.old_status, c.status, c.fence, c.attempts, CASE c.status WHEN 'cancelled' THEN 'requested' ELSE 'lost' END
      FROM changed c
)
SELECT c.agent_id, c.status, count(*)::int FROM changed c GROUP BY c.agent_id, c.status;

-- name: overdue
-- Attempts that still hold their lease long after their agent's timeout: whoever renews it does not end them. They
-- have failed; what their worker writes later is refused by the status.
WITH overdue AS (
    SELECT e.execution_id, e.created_at,
           CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END AS verdict
      FROM agent_job_execution e
      JOIN agent_registry r ON r.agent_id = e.agent_id AND r.active
     CROSS JOIN LATERAL (
           SELECT now() - make_interval(secs => %(stuck_seconds)s::float8 + r.timeout_seconds) AS time) AS latest
     WHERE e.status = 'running' AND e.lease_expires_at >= now() - make_interval(secs => %(grace_seconds)s::float8)
       AND e.started_at < latest.time
       AND coalesce((SELECT max(v.at) FROM execution_event v
                      WHERE v.execution_id = e.execution_id AND v.kind = 'claimed'), e.started_at) < latest.time
     ORDER BY e.started_at
     LIMIT %(page)s::int
       FOR UPDATE OF e SKIP LOCKED
),
changed AS (
    UPDATE agent_job_execution e
       SET status = o.verdict,
           lease_expires_at = NULL,
           error = CASE o.verdict WHEN 'cancelled' THEN e.error ELSE jsonb_build_object(
               'message', 'run timed out', 'code', 'timeout', 'class', NULL, 'stack', NULL,
               'timestamp', now(), 'retryable', false) END,
           reason = CASE o.verdict WHEN 'cancelled' THEN 'requested' ELSE 'timeout' END,
           dlq_pending = (o.verdict = 'failed'),
           completed_at = now(),
           updated_at = now()
      FROM overdue o
     WHERE e.execution_id = o.execution_id AND e.created_at = o.created_at
    RETURNING e.execution_id, e.agent_id, e.status, e.fence, e.attempts, e.reason
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id, c.status, 'running', c.status, c.fence, c.attempts, c.reason FROM changed c
)
SELECT c.agent_id, c.status, count(*)::int FROM changed c GROUP BY c.agent_id, c.status;

-- name: tasks_stopped
-- Tasks that ECS says are gone: their instances have stopped, and the lease of what they still ran ends now.
WITH told AS (
    SELECT DISTINCT ON (t.task_id) t.task_id, t.reason
      FROM unnest(%(task_ids)s::text[], %(reasons)s::text[]) AS t (task_id, reason)
),
gone AS (
    UPDATE agent_instance i
       SET status = 'stopped', running_jobs = 0, stopped_at = coalesce(i.stopped_at, now()),
           metadata = i.metadata || jsonb_build_object('stopped', t.reason)
      FROM told t
     WHERE i.kind = 'listener' AND right(i.instance_id, length(t.task_id) + 1) = '-' || t.task_id
    RETURNING i.instance_id, t.reason
),
freed AS (
    UPDATE agent_job_execution e
       SET lease_expires_at = least(e.lease_expires_at, now() - make_interval(secs => %(grace_seconds)s::float8)),
           updated_at = now()
      FROM gone g
     WHERE e.status = 'running' AND e.worker = g.instance_id
    RETURNING e.execution_id, e.agent_id, e.fence, e.attempts, g.reason
)
INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
SELECT f.execution_id, f.agent_id, 'task_stopped', 'running', 'running', f.fence, f.attempts, f.reason FROM freed f;

-- name: turns_come
-- Of the fires that wait for another run of their schedule, the first of each schedule of which nothing runs any
-- more, and nothing that was planned before is on its way: the relay sends it.
WITH first AS (
    SELECT DISTINCT ON (e.agent_id, e.tenant, e.schedule) e.execution_id, e.created_at, e.agent_id, e.tenant, e.schedule,
           e.scheduled_for
      FROM agent_job_execution e
     WHERE e.status = 'pending' AND e.reason = 'awaits_turn' AND e.available_at <= now()
     ORDER BY e.agent_id, e.tenant, e.schedule, e.scheduled_for
)
UPDATE agent_job_execution e SET relay_after = now(), reason = NULL
  FROM first f
 WHERE e.execution_id = f.execution_id AND e.created_at = f.created_at
   AND e.status = 'pending' AND e.reason = 'awaits_turn'
   AND NOT EXISTS (
       SELECT FROM agent_job_execution o
        WHERE o.agent_id = f.agent_id AND o.tenant = f.tenant AND o.schedule = f.schedule
          AND o.status IN ('pending', 'running') AND (o.fence > 0 OR o.scheduled_for < f.scheduled_for));

-- name: relay_due
-- Pending executions that nothing carries any more, claimed for sending again: the next relay is put off
-- with a doubling pause, so that a long backlog is not flooded with copies. Null: of every agent.
WITH due AS (
    SELECT e.execution_id, e.created_at, r.endpoint
      FROM agent_job_execution e
      JOIN agent_registry r ON r.agent_id = e.agent_id AND r.active AND r.endpoint ? 'queues'
     WHERE e.status = 'pending' AND e.cancel_requested_at IS NULL
       AND (%(agent_id)s::text IS NULL OR e.agent_id = %(agent_id)s::text)
       AND e.relay_after <= now() + make_interval(secs => %(ahead_seconds)s::float8)
     ORDER BY e.relay_after
     LIMIT %(page)s::int
       FOR UPDATE OF e SKIP LOCKED
),
relayed AS (
    UPDATE agent_job_execution e
       SET relays = e.relays + 1,
           holder = NULL,
           relay_after = greatest(now(), e.available_at)
                         + make_interval(secs => least(%(pause_seconds)s::float8 * power(2, least(e.relays, 20)), 3600)),
           updated_at = now()
      FROM due d
     WHERE e.execution_id = d.execution_id AND e.created_at = d.created_at
    RETURNING e.*, d.endpoint
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt)
    SELECT r.execution_id, r.agent_id, 'relayed', 'pending', 'pending', r.fence, r.attempts FROM relayed r
)
SELECT r.agent_id, r.job_id, r.tenant, r.params, r.priority, r.source, r.scheduled_for, r.traceparent, r.hops,
       greatest(0, ceil(extract(epoch FROM r.available_at - now())))::int AS delay_seconds, r.endpoint
  FROM relayed r;

-- name: dead_letters_due
-- Failures whose dead letter was not sent by the worker that settled them. Null: of every agent.
SELECT e.execution_id::text, e.created_at, e.fence, e.agent_id, e.job_id, e.tenant, e.attempts, e.params, e.config, e.body, e.error,
       e.priority, e.source, e.traceparent, e.hops, r.endpoint->>'dlq' AS dlq_url
  FROM agent_job_execution e
  JOIN LATERAL (SELECT a.endpoint FROM agent_registry a
                 WHERE a.agent_id = e.agent_id AND a.endpoint ? 'dlq'
                 ORDER BY a.active DESC, a.updated_at DESC LIMIT 1) r ON true
 WHERE e.dlq_pending AND (%(agent_id)s::text IS NULL OR e.agent_id = %(agent_id)s::text)
   AND e.updated_at < now() - make_interval(secs => %(grace_seconds)s::float8)
 ORDER BY e.updated_at
 LIMIT %(page)s::int;

-- name: letters_without_queue
-- Failures of agents that have no dead-letter queue in any version: their letters are owed to nobody. Of an agent that is
-- not registered yet nobody can tell.
WITH owed AS (
    SELECT e.execution_id, e.created_at FROM agent_job_execution e
     WHERE e.dlq_pending AND e.updated_at < now() - make_interval(secs => %(grace_seconds)s::float8)
       AND EXISTS (SELECT 1 FROM agent_registry a WHERE a.agent_id = e.agent_id)
       AND NOT EXISTS (SELECT 1 FROM agent_registry a WHERE a.agent_id = e.agent_id AND a.endpoint ? 'dlq')
     ORDER BY e.updated_at
     LIMIT %(page)s::int
       FOR UPDATE OF e SKIP LOCKED
),
let_go AS (
    UPDATE agent_job_execution e SET dlq_pending = false
      FROM owed o
     WHERE e.execution_id = o.execution_id AND e.created_at = o.created_at AND e.dlq_pending
    RETURNING 1
)
SELECT count(*)::int FROM let_go;

-- name: running_counts
-- Executions running now, per agent.
SELECT agent_id, count(*)::int FROM agent_job_execution WHERE status = 'running' GROUP BY agent_id;

-- name: oldest_unfinished
-- Seconds since each agent's oldest execution that has not ended was asked for, or redriven. What waits long
-- for a later time on purpose is left out.
SELECT e.agent_id,
       extract(epoch FROM now() - min(greatest(
           e.queued_at, e.scheduled_for,
           CASE WHEN e.redrives > 0 THEN (SELECT max(v.at) FROM execution_event v
                                           WHERE v.execution_id = e.execution_id AND v.kind = 'redriven') END
       )))::float8
  FROM (SELECT r.agent_id, r.execution_id, r.queued_at, r.scheduled_for, r.redrives
          FROM agent_job_execution r WHERE r.status = 'running'
        UNION ALL
        SELECT p.agent_id, p.execution_id, p.queued_at, p.scheduled_for, p.redrives
          FROM agent_job_execution p
         WHERE p.status = 'pending' AND p.available_at <= now() + make_interval(secs => %(ahead_seconds)s::float8)) e
 GROUP BY e.agent_id;

-- name: lags
-- Seconds by which the most overdue relay and the most overdue dead letter are late; 0 where none is.
SELECT coalesce((SELECT extract(epoch FROM now() - e.relay_after)
                   FROM agent_job_execution e
                   JOIN agent_registry r ON r.agent_id = e.agent_id AND r.active AND r.endpoint ? 'queues'
                  WHERE e.status = 'pending' AND e.cancel_requested_at IS NULL AND e.relay_after < now()
                  ORDER BY e.relay_after LIMIT 1), 0)::float8,
       coalesce((SELECT extract(epoch FROM now() - e.updated_at)
                   FROM agent_job_execution e
                  WHERE e.dlq_pending AND e.updated_at < now() - make_interval(secs => %(grace_seconds)s::float8)
                    AND EXISTS (SELECT 1 FROM agent_registry a WHERE a.agent_id = e.agent_id AND a.endpoint ? 'dlq')
                  ORDER BY e.updated_at LIMIT 1), 0)::float8;

-- name: listener_counts
-- Listeners that beat, per agent.
SELECT l.agent_id, count(*)::int
  FROM agent_instance i JOIN agent_instance_agent l USING (instance_id)
 WHERE i.kind = 'listener' AND i.status = 'running'
 GROUP BY l.agent_id;

-- name: tasks_not_started
-- Tasks that ECS could not start: kept as instances that have stopped, with the reason; returns how many per agent.
-- A task of a service is told by the service's name, one that was launched for a job by its group.
WITH told AS (
    SELECT DISTINCT ON (t.task_id) t.task_id, t.task_group, t.reason
      FROM unnest(%(task_ids)s::text[], %(groups)s::text[], %(reasons)s::text[]) AS t (task_id, task_group, reason)
),
known AS (
    SELECT t.task_id, t.reason, r.agent_id
      FROM told t
      JOIN agent_registry r
        ON r.active AND (t.task_group = 'service:' || (r.endpoint->>'service') OR t.task_group = 'agent:' || r.agent_id)
),
kept AS (
    INSERT INTO agent_instance (instance_id, kind, status, stopped_at, metadata)
    SELECT k.agent_id || '-' || k.task_id, 'listener', 'stopped', now(),
           jsonb_build_object('stopped', k.reason, 'started', false)
      FROM known k
    ON CONFLICT (instance_id) DO NOTHING
    RETURNING instance_id
),
linked AS (
    INSERT INTO agent_instance_agent (instance_id, agent_id)
    SELECT i.instance_id, k.agent_id FROM kept i JOIN known k ON i.instance_id = k.agent_id || '-' || k.task_id
    ON CONFLICT DO NOTHING
    RETURNING agent_id
)
SELECT l.agent_id, count(*)::int FROM linked l GROUP BY l.agent_id;

-- name: queue_endpoints
-- Queues of every active agent that has some.
SELECT agent_id, endpoint FROM agent_registry WHERE active AND endpoint ? 'queues' ORDER BY agent_id;

-- name: ensure_partitions
-- Creates the partitions of this month and the coming ones.
SELECT muster_ensure_partitions_v1(now(), %(months)s::int);

-- name: event_hints
-- Switches the hints of events on or off, where they are not like that already.
SELECT muster_event_hints_v1(%(wanted)s::boolean);

-- name: keep_depths
-- What was measured of each lane, for whoever asks the database instead of SQS; lanes that are gone are forgotten.
WITH kept AS (
    INSERT INTO lane_depth AS d (agent_id, lane, visible, in_flight, delayed)
    SELECT * FROM unnest(%(agent_ids)s::text[], %(lanes)s::text[], %(visible)s::int[], %(in_flight)s::int[], %(delayed)s::int[])
    ON CONFLICT (agent_id, lane) DO UPDATE
       SET visible = excluded.visible, in_flight = excluded.in_flight, delayed = excluded.delayed, measured_at = now()
)
DELETE FROM lane_depth WHERE measured_at < now() - interval '1 hour';
