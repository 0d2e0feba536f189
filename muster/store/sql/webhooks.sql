-- Webhooks: of manifests, of operators, and their deliveries.

-- name: upsert_webhooks
-- Makes each given webhook of a manifest what its agent has. One that says the same already is not touched.
INSERT INTO webhook_endpoint AS w (agent_id, name, verify, signature_header, headers, priority, owner)
SELECT d.agent_id, d.name, d.verify, d.signature_header, d.headers, d.priority, 'manifest'
  FROM jsonb_to_recordset(%(webhooks)s::jsonb) AS d (
       agent_id text, name text, verify text, signature_header text, headers text[], priority text)
 ORDER BY d.agent_id, d.name
ON CONFLICT (agent_id, name) DO UPDATE
   SET verify = excluded.verify, signature_header = excluded.signature_header, headers = excluded.headers,
       priority = excluded.priority, owner = excluded.owner, retired_at = NULL, updated_at = now()
 WHERE (w.verify, w.signature_header, w.headers, w.priority, w.owner, w.retired_at)
       IS DISTINCT FROM
       (excluded.verify, excluded.signature_header, excluded.headers, excluded.priority, excluded.owner, NULL)
RETURNING agent_id, name;

-- name: retire_webhooks
-- Retires what these agents' manifests no longer hold. Soft: the row and its history stay.
UPDATE webhook_endpoint w SET retired_at = now(), updated_at = now()
 WHERE w.agent_id = ANY(%(agent_ids)s) AND w.owner = 'manifest' AND w.retired_at IS NULL
   AND NOT EXISTS (
       SELECT 1 FROM jsonb_to_recordset(%(webhooks)s::jsonb) AS d (agent_id text, name text)
        WHERE d.agent_id = w.agent_id AND d.name = w.name)
RETURNING agent_id, name;

-- name: find_webhook
-- What receiving a delivery needs to know, of the webhook and of its agent.
SELECT w.tenant, w.verify, w.signature_header, w.headers, w.priority, r.enabled, r.input_schema,
       r.endpoint -> 'queues'
  FROM webhook_endpoint w
  JOIN agent_registry r ON r.agent_id = w.agent_id AND r.active
 WHERE w.agent_id = %(agent_id)s::text AND w.name = %(name)s::text AND w.retired_at IS NULL;

-- name: record_delivery
-- Records a delivery as a job that the relay sends should nobody else have done so by then: the row is the outbox,
-- and the job's key is the replay store, in one transaction. A delivery that is known already is not returned. So is
-- every one for an agent that takes no jobs, and while the stage takes none.
WITH agent AS MATERIALIZED (
    SELECT r.agent_id, r.agent_version, r.retries
      FROM agent_registry r
     WHERE r.agent_id = %(agent_id)s::text AND r.active AND r.enabled
       AND NOT EXISTS (SELECT FROM intake_stopped_v1)
),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT a.agent_id, %(job_id)s::text, %(execution_id)s::uuid, now() FROM agent a
    ON CONFLICT (agent_id, job_id) DO NOTHING
    RETURNING execution_id, created_at
),
made AS (
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, agent_version, tenant, max_attempts, priority, source, params,
        relay_after, traceparent, webhook, webhook_digest)
    SELECT k.execution_id, k.created_at, %(job_id)s::text, a.agent_id, a.agent_version, %(tenant)s::text, a.retries + 1,
           %(priority)s::text, 'webhook', %(params)s::jsonb,
           now() + make_interval(secs => %(grace_seconds)s::float8), %(traceparent)s::text,
           %(name)s::text, decode(%(digest)s::text, 'hex')
      FROM keyed k CROSS JOIN agent a
    RETURNING execution_id, agent_id
),
logged AS (
    INSERT INTO execution_event (execution_id, agent_id, kind, to_status, fence, attempt)
    SELECT m.execution_id, m.agent_id, 'created', 'pending', 0, 0 FROM made m
)
SELECT m.execution_id::text FROM made m;

-- name: recorded_delivery
-- The execution of a delivery that is known already, and whether it had this body.
SELECT e.execution_id::text,
       e.tenant = %(tenant)s::text AND e.webhook = %(name)s::text
       AND e.webhook_digest = decode(%(digest)s::text, 'hex') AS same
  FROM job_key k
  JOIN agent_job_execution e ON e.execution_id = k.execution_id AND e.created_at = k.created_at
 WHERE k.agent_id = %(agent_id)s::text AND k.job_id = %(job_id)s::text;

-- name: list_webhooks
-- Webhooks with the stack that their agent belongs to; those that are retired only when asked for.
SELECT w.agent_id, w.name, w.tenant, w.verify, w.signature_header, w.headers, w.priority, w.owner,
       w.retired_at, w.created_at, w.updated_at, r.owner AS stack, '/hooks/' || w.agent_id || '/' || w.name AS path
  FROM webhook_endpoint w
  LEFT JOIN agent_registry r ON r.agent_id = w.agent_id AND r.active
 WHERE (%(agent_id)s::text IS NULL OR w.agent_id = %(agent_id)s)
   AND (%(name)s::text IS NULL OR w.name = %(name)s)
   AND (%(all)s OR w.retired_at IS NULL)
 ORDER BY w.agent_id, w.name;

-- name: agent_stack
-- The stack that an active agent belongs to; null: it was registered by hand.
SELECT r.owner AS stack FROM agent_registry r WHERE r.agent_id = %(agent_id)s AND r.active;

-- name: create_webhook
-- A webhook that no manifest holds; one that is retired comes back. Returns nothing when there is one.
INSERT INTO webhook_endpoint AS w (agent_id, name, tenant, verify, signature_header, headers, priority)
VALUES (%(agent_id)s, %(name)s, %(tenant)s, %(verify)s, %(signature_header)s, %(headers)s::text[], %(priority)s)
ON CONFLICT (agent_id, name) DO UPDATE
   SET tenant = excluded.tenant, verify = excluded.verify, signature_header = excluded.signature_header,
       headers = excluded.headers, priority = excluded.priority, owner = NULL, retired_at = NULL, updated_at = now()
 WHERE w.retired_at IS NOT NULL
RETURNING agent_id, name, tenant, verify, signature_header, headers, priority, created_at,
          '/hooks/' || agent_id || '/' || name AS path;
