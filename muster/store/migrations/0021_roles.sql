-- Who may do what. Components connect by logins that belong to one of these groups; whoever migrates owns everything, and
-- alone may change the schema. docs/reference/database-roles.md says the same as a table; a test compares them.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['muster_worker', 'muster_dispatcher', 'muster_api', 'muster_reader'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- Roles are the server's: another of its databases was quicker.
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the account that migrates may not make the role %', wanted
                    USING ERRCODE = 'insufficient_privilege',
                          HINT = 'Give it CREATEROLE; a deploy makes logins, too.';
        END;
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO muster_worker, muster_dispatcher, muster_api, muster_reader', current_schema());
END $$;

-- The ledger. Whatever happened stays: nobody changes an event, and only a function of retention's removes anything.
GRANT SELECT, INSERT, UPDATE ON agent_job_execution TO muster_worker, muster_dispatcher, muster_api;
GRANT SELECT, INSERT ON job_key, execution_event TO muster_worker, muster_dispatcher, muster_api;
GRANT INSERT ON fleet_event TO muster_worker, muster_dispatcher, muster_api;
GRANT USAGE ON SEQUENCE execution_event_id TO muster_worker, muster_dispatcher, muster_api;
GRANT SELECT ON agent_registry TO muster_worker, muster_dispatcher, muster_api;
GRANT SELECT ON agent_config TO muster_worker, muster_api;

-- Who does the periodic work: the dispatcher, or the leader of an agent's listeners.
GRANT SELECT, INSERT, UPDATE, DELETE ON lease TO muster_worker, muster_dispatcher;
GRANT USAGE ON SEQUENCE lease_fence TO muster_worker, muster_dispatcher;

-- Instances say that they live; the dispatcher tells of tasks that did not start, and both it and leaders forget.
GRANT SELECT, INSERT, UPDATE ON agent_instance TO muster_worker, muster_dispatcher, muster_api;
GRANT SELECT, INSERT, DELETE ON agent_instance_agent TO muster_worker, muster_dispatcher, muster_api;
GRANT DELETE ON agent_instance TO muster_worker, muster_dispatcher;

GRANT SELECT, INSERT, UPDATE, DELETE ON agent_slot, agent_lane_wait TO muster_worker;

GRANT SELECT, UPDATE ON agent_schedule TO muster_dispatcher;
GRANT SELECT, INSERT, UPDATE ON agent_endpoint_health TO muster_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON lane_depth TO muster_dispatcher;
GRANT SELECT, UPDATE, DELETE ON task TO muster_dispatcher;

-- A call is let in by its key, whose digest proves it. Keys and webhooks are made by operators, not over HTTP.
GRANT SELECT, UPDATE (last_used_at) ON api_key TO muster_api;
GRANT SELECT ON webhook_endpoint, lane_depth, schema_migration TO muster_api;
GRANT SELECT, INSERT, UPDATE ON call_rate, task TO muster_api;
GRANT INSERT, UPDATE ON agent_registry TO muster_api;

GRANT SELECT ON agent_instance_now_v1, agent_endpoint_now_v1 TO muster_dispatcher, muster_api;

-- For people and their tools: everything but what proves a key.
GRANT SELECT ON agent_registry, agent_config, agent_schedule, agent_instance, agent_instance_agent, agent_instance_now_v1,
    agent_endpoint_health, agent_endpoint_now_v1, agent_slot, agent_lane_wait, agent_job_execution, execution_event,
    fleet_event, job_key, lane_depth, lease, task, webhook_endpoint, call_rate, job_key_sweep, registration_owner,
    registration_request, schema_migration, agent_migration TO muster_reader;
GRANT SELECT (key_id, name, role, scopes, tenant, active, replaces, expires_at, last_used_at, deactivated_at, created_by,
    created_at) ON api_key TO muster_reader;

-- What makes and drops partitions does so for the dispatcher, as their owner, and for nobody else.
DO $$
DECLARE
    of_owner regprocedure;
BEGIN
    FOREACH of_owner IN ARRAY ARRAY[
        'muster_ensure_partitions_v1(timestamptz, integer)', 'muster_prune_job_keys_v1(interval, integer)',
        'muster_drop_partition_v1(interval, interval, integer)', 'muster_clear_defaults_v1(interval, integer)',
        'muster_event_hints_v1(boolean)', 'muster_forget_fleet_events_v1(interval, integer)']::regprocedure[] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', of_owner, current_schema());
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', of_owner);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO muster_dispatcher', of_owner);
    END LOOP;
END $$;

-- Agents' own tables are their workers'; those of migrations to come are given by whoever runs these.
DO $$
DECLARE
    own text;
BEGIN
    FOR own IN SELECT DISTINCT 'agent_' || replace(agent_id, '-', '_') FROM agent_migration LOOP
        CONTINUE WHEN to_regnamespace(quote_ident(own)) IS NULL;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO muster_worker', own);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO muster_worker', own);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO muster_worker', own);
    END LOOP;
END $$;
