-- What happens to instances and leaders is told as what happens to executions is; whoever watches gets hints if it is wanted.

-- One order for all events: (xid, id). Below pg_snapshot_xmin it is complete, so a watcher that goes on from the last
-- (xid, id) it has seen misses nothing, not even what a long transaction committed late.
CREATE TABLE fleet_event (
    id         bigint      PRIMARY KEY DEFAULT nextval('execution_event_id'),
    xid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at         timestamptz NOT NULL DEFAULT now(),
    kind       text        NOT NULL CHECK (kind IN ('instance_registered', 'instance_deregistered', 'leader_changed')),
    subject    text        NOT NULL,               -- the instance, or the lease that is led
    agent_ids  text[]      NOT NULL DEFAULT '{}',  -- whom it concerns
    details    jsonb       NOT NULL DEFAULT '{}'
);

CREATE INDEX fleet_event_order ON fleet_event (xid, id);
CREATE INDEX execution_event_order ON execution_event (xid, id);

CREATE FUNCTION agent_instance_told_v1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was boolean := TG_OP <> 'INSERT' AND OLD.status IN ('running', 'draining');
    is_now boolean := TG_OP <> 'DELETE' AND NEW.status IN ('running', 'draining');
    told agent_instance;
BEGIN
    IF TG_OP = 'DELETE' THEN told := OLD; ELSE told := NEW; END IF;
    IF was <> is_now THEN
        INSERT INTO fleet_event (kind, subject, agent_ids, details)
        VALUES (CASE WHEN is_now THEN 'instance_registered' ELSE 'instance_deregistered' END, told.instance_id,
                ARRAY(SELECT l.agent_id FROM agent_instance_agent l WHERE l.instance_id = told.instance_id ORDER BY 1),
                jsonb_build_object('status', CASE WHEN TG_OP = 'DELETE' THEN 'deleted' ELSE told.status END,
                                   'hostname', told.hostname, 'pid', told.pid, 'version', told.version));
    END IF;
    RETURN told;
END $$;

-- At its beginning after its links are there, at its end before they are gone.
CREATE TRIGGER agent_instance_begins AFTER INSERT ON agent_instance
    FOR EACH ROW EXECUTE FUNCTION agent_instance_told_v1();
CREATE TRIGGER agent_instance_changes BEFORE DELETE OR UPDATE OF status ON agent_instance
    FOR EACH ROW EXECUTE FUNCTION agent_instance_told_v1();

-- Of leaders only: who ticks changes each minute.
CREATE FUNCTION lease_told_v1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    leads boolean := TG_OP <> 'DELETE' AND NEW.expires_at > now();
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.fence = OLD.fence AND leads = (OLD.expires_at > now()) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND NOT leads AND OLD.expires_at <= now() THEN
        RETURN NULL;  -- it had ended, and whoever watches was not told of the moment
    END IF;
    INSERT INTO fleet_event (kind, subject, agent_ids, details)
    VALUES ('leader_changed', coalesce(NEW.name, OLD.name), ARRAY[substr(coalesce(NEW.name, OLD.name), 8)],
            jsonb_build_object('leader', CASE WHEN leads THEN NEW.holder END, 'fence', coalesce(NEW.fence, OLD.fence)));
    RETURN NULL;
END $$;

CREATE TRIGGER lease_changes AFTER INSERT OR UPDATE ON lease
    FOR EACH ROW WHEN (NEW.name LIKE 'leader:%') EXECUTE FUNCTION lease_told_v1();
CREATE TRIGGER lease_ends AFTER DELETE ON lease
    FOR EACH ROW WHEN (OLD.name LIKE 'leader:%') EXECUTE FUNCTION lease_told_v1();

-- Hints: once a statement, with nothing in them that a watcher relies on. A NOTIFY takes a lock of the whole server at
-- its commit, so they are off until somebody wants them.
CREATE FUNCTION execution_event_hint_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('muster_state_changed', '');
    RETURN NULL;
END $$;

CREATE FUNCTION fleet_event_hint_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('muster_' || NEW.kind, NEW.subject);
    RETURN NULL;
END $$;

CREATE TRIGGER execution_event_hint AFTER INSERT ON execution_event
    FOR EACH STATEMENT EXECUTE FUNCTION execution_event_hint_v1();
CREATE TRIGGER fleet_event_hint AFTER INSERT ON fleet_event
    FOR EACH ROW EXECUTE FUNCTION fleet_event_hint_v1();
ALTER TABLE execution_event DISABLE TRIGGER execution_event_hint;
ALTER TABLE fleet_event DISABLE TRIGGER fleet_event_hint;

-- Switches hints on or off; returns whether that changed something. Waits for no lock longer than a second.
CREATE FUNCTION muster_event_hints_v1(wanted boolean) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    IF (SELECT bool_and((tgenabled <> 'D') = wanted) FROM pg_trigger
         WHERE tgname IN ('execution_event_hint', 'fleet_event_hint')
           AND tgrelid IN ('execution_event'::regclass, 'fleet_event'::regclass)) THEN
        RETURN false;
    END IF;
    IF wanted THEN
        ALTER TABLE fleet_event ENABLE TRIGGER fleet_event_hint;
        ALTER TABLE execution_event ENABLE TRIGGER execution_event_hint;
    ELSE
        ALTER TABLE fleet_event DISABLE TRIGGER fleet_event_hint;
        ALTER TABLE execution_event DISABLE TRIGGER execution_event_hint;
    END IF;
    RETURN true;
END $$;

-- Removes a page of old events of instances and leaders; returns how many.
CREATE FUNCTION muster_forget_fleet_events_v1(keep interval, page integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    removed integer;
BEGIN
    DELETE FROM fleet_event f WHERE f.at < now() - keep
       AND f.id IN (SELECT e.id FROM fleet_event e ORDER BY e.id LIMIT page FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
