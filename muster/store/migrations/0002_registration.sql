-- Who registered which agents, and in which order CloudFormation's requests came.

-- One row per stack that registers agents.
CREATE TABLE registration_owner (
    owner          text        PRIMARY KEY,           -- the stack
    resource       text,                              -- physical id of its custom resource; null: deleted
    request        bigint      NOT NULL DEFAULT 0,    -- number of the request that was applied last
    listing        jsonb       NOT NULL DEFAULT '{}', -- {agent id: what that request registered}
    registered_at  timestamptz NOT NULL DEFAULT now()
);

-- Requests in the order of their first arrival. One that arrives again keeps its number, so that a late
-- retry of an old request is known to be old.
CREATE TABLE registration_request (
    request_id   text        PRIMARY KEY,
    owner        text        NOT NULL,
    number       bigint      GENERATED ALWAYS AS IDENTITY,
    received_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX registration_request_owner ON registration_request (owner, received_at);
CREATE INDEX agent_registry_owner ON agent_registry (owner) WHERE active;

-- An agent without a name of its own is called by its id, in whatever way it was registered.
CREATE FUNCTION agent_registry_name_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name := coalesce(NEW.name, NEW.agent_id);
    RETURN NEW;
END $$;

CREATE TRIGGER agent_registry_name BEFORE INSERT OR UPDATE OF name ON agent_registry
    FOR EACH ROW EXECUTE FUNCTION agent_registry_name_v1();
