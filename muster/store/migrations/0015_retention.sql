-- What is too old leaves the ledger: executions and events by the partition, job ids in bounded batches.

-- Where the pruning of each partition of job_key goes on. A sweep goes through the table block by block, so that it needs
-- no index on the hot path and never reads more at once than it is told to.
CREATE TABLE job_key_sweep (
    partition       text        PRIMARY KEY,
    next_block      bigint      NOT NULL DEFAULT 0,
    began_at        timestamptz NOT NULL DEFAULT now(),  -- the sweep that is under way
    completed_from  timestamptz                          -- when the last one that is complete had begun
);

-- Removes job ids that are older than `keep`, within `blocks` blocks of each partition. That of a job which is not at
-- rest, or has been for less than that, stays. Returns how many it removed.
CREATE FUNCTION muster_prune_job_keys_v1(keep interval, blocks integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    child regclass;
    swept job_key_sweep;
    removed integer;
    total integer := 0;
BEGIN
    FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'job_key'::regclass ORDER BY 1 LOOP
        INSERT INTO job_key_sweep (partition) VALUES (child::text) ON CONFLICT DO NOTHING;
        SELECT * INTO swept FROM job_key_sweep WHERE partition = child::text FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;  -- somebody else is at it
        EXECUTE format(
            'DELETE FROM %s k WHERE k.ctid >= %L::tid AND k.ctid < %L::tid AND k.created_at < now() - %L::interval'
            ' AND NOT EXISTS (SELECT 1 FROM agent_job_execution e'
            ' WHERE e.execution_id = k.execution_id AND e.created_at = k.created_at'
            ' AND (e.status IN (''pending'', ''running'') OR e.dlq_pending OR e.completed_at > now() - %L::interval))',
            child, format('(%s,0)', swept.next_block), format('(%s,0)', swept.next_block + blocks), keep, keep);
        GET DIAGNOSTICS removed = ROW_COUNT;
        total := total + removed;
        IF (swept.next_block + blocks) * current_setting('block_size')::bigint >= pg_relation_size(child) THEN
            UPDATE job_key_sweep SET next_block = 0, began_at = now(), completed_from = swept.began_at
             WHERE partition = child::text;
        ELSE
            UPDATE job_key_sweep SET next_block = swept.next_block + blocks WHERE partition = child::text;
        END IF;
    END LOOP;
    RETURN total;
END $$;

-- Drops the oldest monthly partition all of whose rows are older than `keep`, and whose job ids are pruned. Executions that are
-- not at rest, and their events, are moved out first. Waits for no lock longer than a second: while it does, claims wait
-- behind it. Returns the partition and what became of it; no row when none is due.
CREATE FUNCTION muster_drop_partition_v1(
    keep interval, key_keep interval, most_moved integer, OUT partition text, OUT verdict text
) RETURNS SETOF record LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    parent text;
    pruned_until timestamptz;
    ends timestamptz;
    unfinished bigint;
    names text;
BEGIN
    SELECT CASE WHEN count(s.completed_from) = count(*) THEN min(s.completed_from) - key_keep ELSE '-infinity' END
      INTO pruned_until
      FROM pg_inherits i LEFT JOIN job_key_sweep s ON s.partition = i.inhrelid::regclass::text
     WHERE i.inhparent = 'job_key'::regclass;
    -- An execution is never older than its events, so its partition goes first.
    SELECT p.parent, c.relname, m.ends INTO parent, partition, ends
      FROM (VALUES (1, 'agent_job_execution'), (2, 'execution_event')) AS p (rank, parent)
      JOIN pg_inherits i ON i.inhparent = p.parent::regclass
      JOIN pg_class c ON c.oid = i.inhrelid
     CROSS JOIN LATERAL (
           -- (A CASE, since conditions are evaluated in any order. Null, and so never due: it is no month's.)
           SELECT CASE WHEN c.relname ~ (p.parent || '_\d{6}$')
                       THEN (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' END AS ends) AS m
     WHERE m.ends <= least(now() - keep, pruned_until)
     ORDER BY m.ends, p.rank
     LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF parent = 'agent_job_execution' THEN
        EXECUTE format(
            'SELECT count(*) FROM (SELECT 1 FROM %1$I WHERE status = ''pending'' UNION ALL SELECT 1 FROM %1$I'
            ' WHERE status = ''running'' UNION ALL SELECT 1 FROM %1$I WHERE dlq_pending LIMIT %2$s) AS busy',
            partition, most_moved + 1) INTO unfinished;
        IF unfinished > most_moved THEN
            verdict := format('more than %s of its executions are not at rest', most_moved);
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO names
      FROM pg_attribute a WHERE a.attrelid = parent::regclass AND a.attnum > 0 AND NOT a.attisdropped;
    BEGIN
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, partition);
        -- No partition covers them any more, so they go to the default one.
        IF parent = 'agent_job_execution' THEN
            EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM %3$I'
                           ' WHERE status IN (''pending'', ''running'') OR dlq_pending', parent, names, partition);
        ELSE
            EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM %3$I'
                           ' WHERE execution_id IN (SELECT e.execution_id FROM agent_job_execution_default e)',
                           parent, names, partition);
        END IF;
        EXECUTE format('DROP TABLE %I', partition);
        verdict := 'dropped';
    EXCEPTION WHEN lock_not_available THEN
        verdict := 'busy';
    END;
    RETURN NEXT;
END $$;

-- Removes from the default partitions, a page at a time, what was moved there and has been at rest for longer than `keep`:
-- executions whose job id is pruned, then events without an execution there. Returns how many rows it removed.
CREATE FUNCTION muster_clear_defaults_v1(keep interval, page integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    removed integer;
    total integer;
BEGIN
    DELETE FROM agent_job_execution_default d
     WHERE (d.execution_id, d.created_at) IN (
        SELECT e.execution_id, e.created_at FROM agent_job_execution_default e
         WHERE e.created_at < now() - keep AND coalesce(e.completed_at, now()) < now() - keep
           AND e.status NOT IN ('pending', 'running') AND NOT e.dlq_pending
           AND NOT EXISTS (SELECT 1 FROM job_key k WHERE k.agent_id = e.agent_id AND k.job_id = e.job_id
                              AND k.execution_id = e.execution_id)
         LIMIT page FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS total = ROW_COUNT;
    DELETE FROM execution_event_default d
     WHERE d.ctid = ANY (ARRAY(
        SELECT v.ctid FROM execution_event_default v
         WHERE v.at < now() - keep
           AND NOT EXISTS (SELECT 1 FROM agent_job_execution_default e WHERE e.execution_id = v.execution_id)
         LIMIT page FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN total + removed;
END $$;
