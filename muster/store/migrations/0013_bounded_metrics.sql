-- A metric of an instance as a number between 0 and a thousand million; what is none counts as nothing. Unbounded ones could
-- not be added up.
CREATE OR REPLACE FUNCTION agent_metric_v1(metrics jsonb, name text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(metrics -> name) = 'number'
                THEN least(greatest((metrics ->> name)::numeric, 0), 1000000000)::float8 ELSE 0 END
$$;
