-- name: number_request
-- Gives a request its place in the order of arrival; one that came before keeps its own.
INSERT INTO registration_request (request_id, owner) VALUES (%(request_id)s, %(owner)s)
ON CONFLICT (request_id) DO NOTHING;

-- name: request_number
-- The place that `number_request` gave.
SELECT number FROM registration_request WHERE request_id = %(request_id)s;

-- name: forget_requests
-- CloudFormation gives up on a request within hours.
DELETE FROM registration_request WHERE owner = %(owner)s AND received_at < now() - interval '30 days';

-- name: serialise_registrations
-- One registration at a time, so that two stacks can hand an agent over. Freed at the end of the transaction.
SELECT pg_advisory_xact_lock(%(key)s);

-- name: bound_lock_wait
-- In milliseconds, for this transaction.
SELECT set_config('lock_timeout', %(milliseconds)s::text, true);

-- name: owners
-- Every owner: which resource it is, the request it last applied, what that registered.
SELECT owner, resource, request, listing FROM registration_owner;

-- name: save_owner
-- What was applied last; written only when it differs.
INSERT INTO registration_owner AS o (owner, resource, request, listing)
VALUES (%(owner)s, %(resource)s, %(request)s, %(listing)s::jsonb)
ON CONFLICT (owner) DO UPDATE
   SET resource = excluded.resource, request = excluded.request, listing = excluded.listing,
       registered_at = now()
 WHERE (o.resource, o.request, o.listing) IS DISTINCT FROM (excluded.resource, excluded.request, excluded.listing);

-- name: active_owners
-- Who owns the active version of each agent.
SELECT agent_id, owner FROM agent_registry WHERE active;

-- name: upsert_agents
-- Makes each given version the active one. A row that says the same already is not touched. The operator's
-- switch stays where it is, across versions too. With `guarded`, what a stack or another tenant has is left alone.
INSERT INTO agent_registry AS r (
    agent_id, agent_version, name, description, compute, endpoint, input_schema, output_schema, config_schema,
    default_config, metadata, capabilities, tags, retries, timeout_seconds, concurrency, manifest,
    manifest_digest, owner, tenant, health_check, enabled, active, retired_at)
SELECT a.agent_id, a.agent_version, a.name, a.description, a.compute, a.endpoint, a.input_schema,
       a.output_schema, a.config_schema, a.default_config, a.metadata, a.capabilities, a.tags, a.retries,
       a.timeout_seconds, a.concurrency, a.manifest, a.manifest_digest, a.owner, coalesce(a.tenant, 'default'), a.health_check,
       coalesce((SELECT e.enabled FROM agent_registry e WHERE e.agent_id = a.agent_id
                  ORDER BY e.active DESC, e.updated_at DESC LIMIT 1), true),
       true, NULL
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS a (
       agent_id text, agent_version text, name text, description text, compute text, endpoint jsonb,
       input_schema jsonb, output_schema jsonb, config_schema jsonb, default_config jsonb, metadata jsonb,
       capabilities text[], tags text[], retries integer, timeout_seconds integer, concurrency integer,
       manifest jsonb, manifest_digest text, owner text, tenant text, health_check jsonb)
 WHERE NOT %(guarded)s::boolean
    OR agent_registry_free_v1(a.agent_id, coalesce(a.tenant, 'default'), %(lock_key)s::bigint)
 ORDER BY a.agent_id
ON CONFLICT (agent_id, agent_version) DO UPDATE
   SET name = excluded.name, description = excluded.description, compute = excluded.compute,
       endpoint = excluded.endpoint, input_schema = excluded.input_schema,
       output_schema = excluded.output_schema, config_schema = excluded.config_schema,
       default_config = excluded.default_config, metadata = excluded.metadata,
       capabilities = excluded.capabilities, tags = excluded.tags, retries = excluded.retries,
       timeout_seconds = excluded.timeout_seconds, concurrency = excluded.concurrency,
       manifest = excluded.manifest, manifest_digest = excluded.manifest_digest, owner = excluded.owner,
       tenant = excluded.tenant, health_check = excluded.health_check,
       enabled = excluded.enabled, active = true, retired_at = NULL, updated_at = now()
 WHERE (r.name, r.description, r.compute, r.endpoint, r.input_schema, r.output_schema, r.config_schema,
        r.default_config, r.metadata, r.capabilities, r.tags, r.retries, r.timeout_seconds, r.concurrency,
        r.manifest, r.manifest_digest, r.owner, r.tenant, r.health_check, r.enabled, r.active, r.retired_at)
       IS DISTINCT FROM
       (excluded.name, excluded.description, excluded.compute, excluded.endpoint, excluded.input_schema,
        excluded.output_schema, excluded.config_schema, excluded.default_config, excluded.metadata,
        excluded.capabilities, excluded.tags, excluded.retries, excluded.timeout_seconds, excluded.concurrency,
        excluded.manifest, excluded.manifest_digest, excluded.owner, excluded.tenant, excluded.health_check,
        excluded.enabled, true, NULL)
RETURNING agent_id;

-- name: switch_agent
-- The operator's switch, at every version: whichever becomes active keeps it.
UPDATE agent_registry SET enabled = %(enabled)s WHERE agent_id = %(agent_id)s
RETURNING agent_id;

-- name: retire_agents
-- Soft: the row, its history and its queues stay.
UPDATE agent_registry SET active = false, retired_at = now(), updated_at = now()
 WHERE active AND owner = %(owner)s AND agent_id = ANY(%(agent_ids)s)
RETURNING agent_id;
