"""Fills a ledger with jobs that have ended, quickly: rows first, and indexes when they are there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2 import extensions

#: Jobs that one statement writes.
CHUNK = 100_000

#: Ids begin with their time, as the product's do.
_FILL = """
WITH made AS MATERIALIZED (
    SELECT (lpad(to_hex((extract(epoch FROM m.at) * 1000)::bigint), 12, '0') || '7' || substr(m.noise, 1, 3)
            || '8' || substr(m.noise, 4, 15))::uuid AS execution_id, m.at, 'old-' || n AS job_id
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
     CROSS JOIN LATERAL (
           SELECT now() - interval '60 days' * (n %% 1000) / 1000.0 AS at, md5(n::text) AS noise) m
),
kept AS (
    INSERT INTO agent_job_execution (
        execution_id, created_at, job_id, agent_id, status, fence, attempts, params, result, relay_after,
        queued_at, started_at, completed_at)
    SELECT execution_id, at, job_id, 'bench', 'completed', 1, 1, '{"n": 1}', '{"ok": 1}', NULL, at, at, at
      FROM made
),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT 'bench', job_id, execution_id, at FROM made
)
INSERT INTO execution_event (at, execution_id, agent_id, kind, from_status, to_status, fence, attempt)
SELECT made.at, made.execution_id, 'bench', k.kind, k.before, k.after, 1, 1
  FROM made
 CROSS JOIN (VALUES ('claimed', NULL, 'running'), ('completed', 'running', 'completed'))
       AS k (kind, before, after)
"""

#: What takes an index away, and what makes it again, over all partitions.
_INDEXES = """
SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
       format('ALTER TABLE %I ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname,
              pg_get_constraintdef(c.oid))
  FROM pg_constraint c
 WHERE c.contype = 'p'
   AND c.conrelid IN ('agent_job_execution'::regclass, 'job_key'::regclass, 'execution_event'::regclass)
 UNION ALL
SELECT format('DROP INDEX %I', i.indexrelid::regclass),
       replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
  FROM pg_index i
 WHERE NOT i.indisprimary
   AND i.indrelid IN ('agent_job_execution'::regclass, 'job_key'::regclass, 'execution_event'::regclass)
"""


def fill(connection: extensions.connection, *, first: int, last: int, end: float) -> int:
    """Write the jobs of these numbers; returns the last one, an earlier one when the time was over before.

    Args:
        end: monotonic time.
    """
    written = first - 1
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        with _without_indexes(cursor):
            while written < last and time.monotonic() < end:
                until = min(last, written + CHUNK)
                cursor.execute(_FILL, {"first": written + 1, "last": until})
                written = until
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    return written


@contextmanager
def _without_indexes(cursor: extensions.cursor) -> Iterator[None]:
    cursor.execute(_INDEXES)
    indexes = cursor.fetchall()
    for drop, _ in indexes:
        cursor.execute(drop)
    yield
    for _, make in indexes:
        cursor.execute(make)
