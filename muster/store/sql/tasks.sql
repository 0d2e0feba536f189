-- Tasks that say what their agent must be able to do, and what waits in a tenant's queues.

-- name: record_task
-- Records a task before anything is decided; one of that id stays as it is. While the stage takes no jobs it takes no
-- tasks either.
INSERT INTO task (tenant, task_id, requirements, params, priority, traceparent)
SELECT %(tenant)s::text, %(task_id)s::text, %(requirements)s::jsonb, %(params)s::jsonb, %(priority)s::text,
       %(traceparent)s::text
 WHERE NOT EXISTS (SELECT FROM intake_stopped_v1)
ON CONFLICT (tenant, task_id) DO NOTHING;

-- name: find_task
-- A task, and whether it says the same as one that is asked for.
SELECT jsonb_build_object(
           'task_id', t.task_id, 'status', CASE WHEN t.closed_at IS NOT NULL THEN 'cancelled' ELSE 'pending' END,
           'priority', t.priority, 'requirements', t.requirements, 'params', t.params, 'agent_id', t.agent_id,
           'execution_id', t.execution_id, 'reason', t.reason, 'submitted_at', t.created_at,
           'searches', t.searches, 'traceparent', t.traceparent),
       t.requirements = %(requirements)s::jsonb AND t.params = %(params)s::jsonb AND t.priority = %(priority)s::text
  FROM task t
 WHERE t.tenant = %(tenant)s::text AND t.task_id = %(task_id)s::text;

-- name: eligible_agents
-- Agents that can do a task now, in an order of the task's own that changes as little as it can when agents come and go,
-- so that tasks spread and the same one goes the same way. Behind a queue the definition is enough; behind an
-- endpoint that has instances one of them must be active, healthy and not full. An endpoint must not have failed when it
-- was asked last.
SELECT r.agent_id, r.input_schema, r.endpoint -> 'queues'
  FROM agent_registry r
 WHERE r.active AND r.enabled AND r.tenant IN (%(tenant)s::text, 'default')
   AND ((r.endpoint ? 'queues'
         OR r.endpoint ? 'url' AND NOT EXISTS (SELECT 1 FROM agent_instance_agent l WHERE l.agent_id = r.agent_id))
        AND (%(agent_type)s::text IS NULL OR coalesce(r.metadata ->> 'agent_type', 'worker') = %(agent_type)s::text)
        AND r.capabilities @> %(capabilities)s::text[]
        AND ARRAY[r.agent_id] @> %(services)s::text[]
        OR EXISTS (SELECT 1 FROM agent_instance_agent l
                     JOIN agent_instance_now_v1 i ON i.instance_id = l.instance_id
                    WHERE l.agent_id = r.agent_id AND i.tenant IN (%(tenant)s::text, 'default')
                      AND i.condition = 'active' AND i.health_score >= %(min_health)s::float8 AND i.load < 1
                      AND (%(agent_type)s::text IS NULL OR i.agent_type = %(agent_type)s::text)
                      AND (i.capabilities || r.capabilities) @> %(capabilities)s::text[]
                      AND (i.services || r.agent_id) @> %(services)s::text[]))
   AND NOT EXISTS (SELECT 1 FROM agent_endpoint_now_v1 h WHERE h.agent_id = r.agent_id AND NOT h.healthy)
 ORDER BY md5(%(task_id)s::text || ' ' || r.agent_id)
 LIMIT %(limit)s::int;

-- name: choose_agent
-- Gives a waiting task its agent, once: who comes second is told whom the first one chose. Null when there is none yet.
WITH chosen AS (
    UPDATE task SET agent_id = coalesce(agent_id, %(candidate)s::text)
     WHERE tenant = %(tenant)s::text AND task_id = %(task_id)s::text AND routed_at IS NULL AND closed_at IS NULL
    RETURNING agent_id
)
SELECT agent_id FROM chosen;

-- name: task_routed
-- The task is a job now.
UPDATE task SET execution_id = %(execution_id)s::uuid, routed_at = coalesce(routed_at, now())
 WHERE tenant = %(tenant)s::text AND task_id = %(task_id)s::text;

-- name: task_not_routed
-- The chosen agent does not take it after all: another one is looked for.
UPDATE task SET agent_id = NULL
 WHERE tenant = %(tenant)s::text AND task_id = %(task_id)s::text AND routed_at IS NULL;

-- name: task_closed
-- A task that cannot become a job: its agent has another one of that id.
UPDATE task SET closed_at = now(), reason = %(reason)s::text
 WHERE tenant = %(tenant)s::text AND task_id = %(task_id)s::text AND routed_at IS NULL;

-- name: tasks_due
-- Waiting tasks for which an agent is looked for again, claimed: the next search is put off, the more the more were in
-- vain, up to two minutes.
WITH due AS (
    SELECT t.tenant, t.task_id FROM task t
     WHERE t.routed_at IS NULL AND t.closed_at IS NULL AND t.search_after <= now()
     ORDER BY t.search_after
     LIMIT %(page)s::int
       FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE task t
       SET searches = t.searches + 1,
           search_after = now() + make_interval(secs => least(15 * power(2, least(t.searches, 10)), 120))
      FROM due d
     WHERE t.tenant = d.tenant AND t.task_id = d.task_id
    RETURNING t.*
)
SELECT c.tenant, c.task_id, c.requirements, c.params, c.priority, c.traceparent FROM claimed c;

-- name: tasks_forget
-- Tasks are kept as long as the ids of jobs are.
DELETE FROM task
 WHERE (tenant, task_id) IN (
    SELECT t.tenant, t.task_id FROM task t
     WHERE t.created_at < now() - make_interval(days => %(keep_days)s::int)
       AND (t.routed_at IS NOT NULL OR t.closed_at IS NOT NULL)
     LIMIT %(page)s::int);

-- name: queue_sizes
-- What waits for a start, by priority: pending jobs, and tasks without an agent.
SELECT w.priority, sum(w.n)::int FROM (
    SELECT e.priority, count(*) AS n FROM agent_job_execution e
     WHERE e.status = 'pending' AND e.tenant = %(tenant)s::text GROUP BY e.priority
     UNION ALL
    SELECT t.priority, count(*) FROM task t
     WHERE t.routed_at IS NULL AND t.closed_at IS NULL AND t.tenant = %(tenant)s::text GROUP BY t.priority) AS w
 GROUP BY w.priority;

-- name: clear_jobs
-- Calls off a page of pending jobs of a priority. They stay in the ledger with all that they had, as cancelled.
WITH waiting AS (
    SELECT e.execution_id, e.created_at FROM agent_job_execution e
     WHERE e.status = 'pending' AND e.tenant = %(tenant)s::text AND e.priority = %(priority)s::text
     LIMIT %(page)s::int
       FOR UPDATE SKIP LOCKED
),
changed AS (
    UPDATE agent_job_execution e
       SET status = 'cancelled', reason = %(reason)s::text, completed_at = now(), relay_after = NULL,
           cancel_requested_at = coalesce(e.cancel_requested_at, now()), updated_at = now()
      FROM waiting w
     WHERE e.execution_id = w.execution_id AND e.created_at = w.created_at AND e.status = 'pending'
    RETURNING e.execution_id, e.agent_id, e.fence, e.attempts
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, from_status, to_status, fence, attempt, reason)
    SELECT c.execution_id, c.agent_id, 'cancelled', 'pending', 'cancelled', c.fence, c.attempts, %(reason)s::text
      FROM changed c
)
SELECT count(*)::int FROM changed;

-- name: clear_tasks
-- Calls off tasks of a priority that wait for an agent. They stay.
WITH changed AS (
    UPDATE task SET closed_at = now(), reason = %(reason)s::text
     WHERE routed_at IS NULL AND closed_at IS NULL AND agent_id IS NULL
       AND tenant = %(tenant)s::text AND priority = %(priority)s::text
    RETURNING 1
)
SELECT count(*)::int FROM changed;

-- name: distribution
-- How a tenant's jobs of the last while went. Each agent's are found by its index.
SELECT count(*) FILTER (WHERE e.started_at IS NOT NULL)::int,
       count(*) FILTER (WHERE e.status = 'completed')::int,
       count(*) FILTER (WHERE e.status = 'failed')::int,
       count(*)::int,
       coalesce(avg(extract(epoch FROM e.started_at - e.queued_at)) FILTER (WHERE e.started_at IS NOT NULL), 0)::float8
  FROM (SELECT DISTINCT r.agent_id FROM agent_registry r) a
  JOIN agent_job_execution e ON e.agent_id = a.agent_id
 WHERE e.tenant = %(tenant)s::text AND e.created_at > now() - make_interval(secs => %(window_seconds)s::int);

-- name: loads
-- How many instances of the tenant are active, and how loaded they are on average.
SELECT count(*)::int, coalesce(avg(i.load), 0)::float8 FROM agent_instance_now_v1 i
 WHERE i.tenant = %(tenant)s::text AND i.condition = 'active';
