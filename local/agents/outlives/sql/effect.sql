-- name: take_effect
-- The effect of a job, as often as it is asked for.
INSERT INTO agent_outlives.effect (job_id, attempt) VALUES (%(job_id)s::text, %(attempt)s::int);

-- name: count_effects
-- How often a job had its effect.
SELECT count(*)::int FROM agent_outlives.effect WHERE job_id = %(job_id)s::text;
