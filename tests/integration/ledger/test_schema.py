"""What the schema itself guarantees: defaults, legal values, partitions and the plans of statements."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from muster.store.connection import SESSION_OPTIONS
from muster.store.migration import SchemaError
from muster.store.statements import Statement, statements
from tests.support.clerk import Clerk, claim_one, ledger_at, query

#: What a few rows may be scanned for: one of each agent, instance, lane. The others grow with the jobs.
_SMALL = {"agent_registry", "agent_instance", "lane_depth", "lease"}

_STATEMENTS = [
    *statements("ledger").values(),
    *(s for s in statements("dispatch").values() if s.name != "ensure_partitions"),
]


def test_a_registration_by_plain_sql_needs_only_a_name(clerk: Clerk):
    # Given nothing but an agent's id / When it is inserted
    clerk.query("INSERT INTO agent_registry (agent_id) VALUES ('plain')")
    # Then every other column has its default
    [row] = clerk.query("SELECT * FROM agent_registry")
    assert (row["agent_version"], row["tenant"], row["compute"]) == ("0.0.0", "default", "http")
    assert (row["enabled"], row["active"], row["retries"]) == (True, True, 4)
    assert (row["timeout_seconds"], row["concurrency"]) == (120, 20)
    assert (row["endpoint"], row["capabilities"], row["metadata"]) == ({}, [], {})
    assert row["created_at"] is not None


def test_a_worker_refuses_a_schema_that_is_older_than_its_code(empty_database_url: str):
    """FAULT 40: schema older than the code."""
    # Given a database that nobody has migrated
    with ledger_at(empty_database_url) as ledger, pytest.raises(SchemaError) as raised:
        # When a job is claimed there
        claim_one(ledger)
    # Then the error names what is missing and the cure
    assert "agent_registry" in str(raised.value) or "job_key" in str(raised.value)
    assert "muster migrate" in str(raised.value)


def test_a_job_by_plain_sql_is_pending_and_due(clerk: Clerk):
    # Given nothing but agent and job / When an execution is inserted
    clerk.query("INSERT INTO agent_job_execution (agent_id, job_id) VALUES ('plain', 'j')")
    # Then it waits to be sent, its budget is whole and nobody has claimed it
    row = clerk.row("j")
    assert (row["status"], row["fence"], row["attempts"]) == ("pending", 0, 0)
    assert (row["max_attempts"], row["tenant"], row["priority"]) == (5, "default", "normal")
    assert row["relay_after"] == row["available_at"] == row["created_at"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO agent_registry (agent_id) VALUES ('Not An Id')",
        "INSERT INTO agent_registry (agent_id, compute) VALUES ('a-b', 'mainframe')",
        "INSERT INTO agent_registry (agent_id, retries) VALUES ('a-b', -1)",
        "INSERT INTO agent_registry (agent_id, timeout_seconds) VALUES ('a-b', 0)",
        "INSERT INTO agent_registry (agent_id, agent_version) VALUES ('a-b', '')",
        "INSERT INTO agent_job_execution (agent_id, job_id, status) VALUES ('a-b', 'j', 'odd')",
        "INSERT INTO agent_job_execution (agent_id) VALUES ('a-b')",
    ],
)
def test_what_makes_no_sense_is_refused(clerk: Clerk, statement: str):
    with pytest.raises(psycopg2.IntegrityError):
        clerk.query(statement)


def test_registering_another_version_retires_the_one_that_was_active(clerk: Clerk):
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        clerk.register(agent_version=version)
    active = clerk.query("SELECT agent_version FROM agent_registry WHERE active")
    assert active == [{"agent_version": "3.0.0"}]
    # And making an old one active again does the same
    clerk.query("UPDATE agent_registry SET active = true WHERE agent_version = '1.0.0'")
    active = clerk.query("SELECT agent_version FROM agent_registry WHERE active")
    assert active == [{"agent_version": "1.0.0"}]


def test_this_month_and_the_next_two_have_partitions(clerk: Clerk):
    for parent in ("agent_job_execution", "execution_event"):
        rows = clerk.query(
            "SELECT to_regclass(%s || to_char((now() AT TIME ZONE 'UTC')"
            " + make_interval(months => m), '_YYYYMM')) AS child"
            " FROM generate_series(0, 2) AS m",
            parent,
        )
        assert all(row["child"] for row in rows)


def test_rows_that_fell_into_the_default_partition_move_to_their_month(clerk: Clerk):
    # Given rows of a month for which no partition was made in time
    clerk.query(
        "INSERT INTO agent_job_execution (agent_id, job_id, created_at)"
        " VALUES ('tester', 'late', '2019-05-31 23:59:59.9+00'), ('tester', 'later', '2019-07-01+00')"
    )
    clerk.query(
        "INSERT INTO execution_event (execution_id, agent_id, kind, at)"
        " SELECT execution_id, agent_id, 'created', created_at FROM agent_job_execution"
    )
    # When the partitions of May and June are made
    made = "SELECT muster_ensure_partitions_v1('2019-05-15', 1) AS made"
    assert clerk.query(made) == [{"made": 4}]
    # Then the rows of these months are there, none is lost, and doing it again does nothing
    rows = clerk.query("SELECT job_id, tableoid::regclass::text AS place FROM agent_job_execution")
    assert {row["job_id"]: row["place"] for row in rows} == {
        "late": "agent_job_execution_201905",
        "later": "agent_job_execution_default",
    }
    events = clerk.query("SELECT tableoid::regclass::text AS place FROM execution_event")
    assert {row["place"] for row in events} == {"execution_event_201905", "execution_event_default"}
    assert clerk.query(made) == [{"made": 0}]
    clerk.query("DROP TABLE agent_job_execution_201905, execution_event_201905")
    clerk.query("DROP TABLE agent_job_execution_201906, execution_event_201906")


@pytest.mark.parametrize("rows", [0, 2000])
def test_no_statement_reads_all_of_what_grows_with_the_jobs(each_database_url: str, rows: int):
    # Given a new database without statistics, or one with many rows and fresh statistics
    if rows:
        _fill(each_database_url, rows)
    # When the statements are planned as a worker's session plans them
    whole = {s.name: _read_whole_by(each_database_url, s) - _SMALL for s in _STATEMENTS}
    # Then every table that grows is reached by an index, for the rows in question only
    assert {name: tables for name, tables in whole.items() if tables} == {}


def _fill(url: str, rows: int) -> None:
    query(
        url,
        "INSERT INTO job_key (agent_id, job_id, execution_id)"
        " SELECT 'tester', n::text, gen_random_uuid() FROM generate_series(1, %s) AS n",
        rows,
    )
    query(
        url,
        "INSERT INTO agent_job_execution (execution_id, created_at, agent_id, job_id)"
        " SELECT execution_id, created_at, agent_id, job_id FROM job_key",
    )
    query(
        url,
        "INSERT INTO execution_event (execution_id, agent_id, kind)"
        " SELECT execution_id, agent_id, 'created' FROM job_key",
    )
    # What is empty has no statistics yet: the planner would hold it to stay so.
    for table in ("agent_job_execution", "execution_event", "job_key"):
        for row in query(url, f"SELECT DISTINCT tableoid::regclass::text AS name FROM {table}"):
            query(url, f"ANALYZE {row['name']}")


def _read_whole_by(url: str, statement: Statement) -> set[str]:
    """The tables that the statement's generic plan reads from end to end."""
    with (
        closing(psycopg2.connect(url, options=SESSION_OPTIONS)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.prepare)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement.execute}", _Nulls())
        row = cursor.fetchone()
    assert row is not None
    return set(_read_whole(row[0][0]["Plan"]))


class _Nulls(dict[str, None]):
    """A generic plan does not depend on the parameters."""

    def __missing__(self, name: str) -> None:
        return None


def _read_whole(node: dict[str, Any]) -> list[str]:
    whole = node["Node Type"] == "Seq Scan" or (
        node["Node Type"] in ("Index Scan", "Index Only Scan")
        and "Index Cond" not in node
        # The partial indexes hold only what waits, runs or owes a letter.
        and not re.search(r"relay_after|lease_expires|updated_at|available_at", node["Index Name"])
    )
    own = [node["Relation Name"]] if whole else []
    return own + [name for child in node.get("Plans", ()) for name in _read_whole(child)]
