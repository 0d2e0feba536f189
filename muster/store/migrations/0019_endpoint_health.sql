-- Whether the endpoints of agents that run elsewhere answer: the dispatcher asks them.

CREATE TABLE agent_endpoint_health (
    agent_id          text        PRIMARY KEY,
    url               text        NOT NULL,                -- the agent's endpoint when it was asked
    interval_seconds  integer     NOT NULL DEFAULT 60 CHECK (interval_seconds > 0),
    asked_at          timestamptz NOT NULL DEFAULT now(),  -- a dispatcher took it upon itself to ask
    checked_at        timestamptz,                         -- null: no question has ended yet
    healthy           boolean,                             -- null: nobody can tell
    reason            text                                 -- why it is not healthy, or why nobody can tell
);

CREATE INDEX agent_endpoint_health_asked ON agent_endpoint_health (asked_at);

-- How often an endpoint is to be asked, in seconds: what its agent wishes, and once a minute at most.
CREATE FUNCTION agent_health_interval_v1(health_check jsonb) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(health_check -> 'interval') = 'number'
                THEN least(greatest((health_check ->> 'interval')::float8, 60), 86400)::integer ELSE 60 END
$$;

-- What is known at the moment of looking: of the endpoint that the agent has now, and for three intervals.
CREATE VIEW agent_endpoint_now_v1 AS
SELECT h.agent_id, h.url, h.healthy, h.reason, h.checked_at
  FROM agent_endpoint_health h
  JOIN agent_registry r ON r.agent_id = h.agent_id AND r.active AND r.endpoint ->> 'url' = h.url
 WHERE h.checked_at > now() - make_interval(secs => 3 * h.interval_seconds);
