"""What a page and a look-up cost does not grow with the number of jobs: their plans walk indexes."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from muster.store.connection import SESSION_OPTIONS
from muster.store.statements import statements

_FILTERS = dict.fromkeys(("agent_id", "status", "priority", "source", "job_id"))
_PAGE = {**_FILTERS, "before": None, "before_id": None, "limit": 50}
_FIND = {
    "id": "job-77",
    "execution_id": "00000000-0000-4000-8000-000000000000",
    "agent_id": None,
    "events": 5,
}
_ROWS = """
WITH agent AS (INSERT INTO agent_registry (agent_id) VALUES ('one'), ('two') RETURNING agent_id),
job AS (SELECT a.agent_id, n, gen_random_uuid() AS id, now() - n * interval '1 second' AS at
          FROM agent a CROSS JOIN generate_series(1, 10000) n),
key AS (INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
        SELECT agent_id, 'job-' || n, id, at FROM job)
INSERT INTO agent_job_execution (agent_id, job_id, execution_id, created_at)
SELECT agent_id, 'job-' || n, id, at FROM job
"""


@pytest.mark.parametrize(("name", "parameters"), [("page_of_jobs", _PAGE), ("tenant_job", _FIND)])
def test_twenty_thousand_jobs_are_not_looked_at(
    database_url: str, name: str, parameters: dict[str, Any]
):
    # Given many jobs of two agents, on a connection like a worker's
    with closing(psycopg2.connect(database_url, options=SESSION_OPTIONS)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_ROWS)
            # When the statement is run
            statement = statements("tenant_jobs")[name]
            cursor.execute(statement.prepare)
            execute = statement.execute
            cursor.execute(
                f"EXPLAIN (ANALYZE, TIMING off) {execute}", {**parameters, "tenant": "default"}
            )
            plan = "\n".join(line for (line,) in cursor.fetchall())
    # Then no step of its plan saw more than a page of each agent and a little
    seen = [
        int(float(n) * int(m)) for n, m in re.findall(r"actual rows=([\d.]+) loops=(\d+)", plan)
    ]
    removed = [int(n) for n in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
    assert max([*seen, *removed]) <= 200, plan
