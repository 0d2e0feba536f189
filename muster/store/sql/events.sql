-- Replays events in the order (xid, id). What is below pg_snapshot_xmin is complete: no transaction that could still add to
-- it is running. So a transaction that commits late is waited for, and comes in its place.

-- name: events_now
-- The position of this moment: what is written from now on comes after it.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xid;

-- name: events_after
-- A page of events after a position, in order, with the xid below which this answer is complete. Null: of every agent, of
-- every execution. One row with a null kind when there is none.
WITH bound AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin),
found AS (
    (SELECT v.xid, v.id, v.at, 'state_changed' AS kind, v.execution_id::text AS subject, v.agent_id,
            v.kind AS step, v.from_status, v.to_status, v.fence, v.attempt, v.reason, NULL::jsonb AS details
       FROM execution_event v, bound
      WHERE (v.xid, v.id) > (%(xid)s::text::xid8, %(id)s::bigint) AND v.xid < bound.xmin
        AND v.from_status IS DISTINCT FROM v.to_status
        AND 'state_changed' = ANY(%(kinds)s::text[])
        AND (%(agent)s::text IS NULL OR v.agent_id = %(agent)s::text)
        AND (%(execution_id)s::uuid IS NULL OR v.execution_id = %(execution_id)s::uuid)
      ORDER BY v.xid, v.id
      LIMIT %(page)s::int)
    UNION ALL
    (SELECT f.xid, f.id, f.at, f.kind, f.subject, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            f.details || jsonb_build_object('agent_ids', f.agent_ids)
       FROM fleet_event f, bound
      WHERE (f.xid, f.id) > (%(xid)s::text::xid8, %(id)s::bigint) AND f.xid < bound.xmin
        AND f.kind = ANY(%(kinds)s::text[])
        AND (%(agent)s::text IS NULL OR %(agent)s::text = ANY(f.agent_ids))
        AND %(execution_id)s::uuid IS NULL
      ORDER BY f.xid, f.id
      LIMIT %(page)s::int)
),
page AS (SELECT * FROM found ORDER BY xid, id LIMIT %(page)s::int)
SELECT b.xmin::text::bigint AS complete_below, p.xid::text::bigint AS xid, p.id, p.at, p.kind, p.subject,
       coalesce(p.details, jsonb_build_object(
           'execution_id', p.subject, 'agent_id', p.agent_id,
           'job_id', (SELECT e.job_id FROM agent_job_execution e WHERE e.execution_id = p.subject::uuid LIMIT 1),
           'step', p.step, 'from_status', p.from_status, 'to_status', p.to_status, 'fence', p.fence,
           'attempt', p.attempt, 'reason', p.reason)) AS details
  FROM bound b LEFT JOIN page p ON true
 ORDER BY p.xid, p.id;
