"""Many jobs are cancelled or retried by a filter: counted first, then changed, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster.cli import main
from muster.cli.exit import Exit
from muster.store.bulk import Bulk, JobFilter
from tests.support.clerk import database_of, query
from tests.support.invariants import history_holds

_EXECUTIONS = """
WITH made AS (
    INSERT INTO agent_job_execution (
        agent_id, job_id, status, fence, attempts, source, params, error, completed_at, created_at)
    SELECT a, s || '-' || n, s, 1, 3, CASE n % 2 WHEN 0 THEN 's3' ELSE 'queue' END,
           jsonb_build_object('n', n),
           CASE s WHEN 'failed' THEN jsonb_build_object(
               'code', 'agent_error', 'class', CASE WHEN n % 4 = 0 THEN 'Timeout' ELSE 'Broken' END,
               'message', 'host h' || n % 3) END,
           CASE WHEN s <> 'pending' THEN now() END, now() - make_interval(mins => n)
      FROM unnest(ARRAY['one', 'two']) a,
           (VALUES ('failed', 40), ('pending', 20), ('completed', 5)) k (s, c),
           LATERAL generate_series(1, k.c) n
    RETURNING *),
keyed AS (
    INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
    SELECT agent_id, job_id, execution_id, created_at FROM made)
SELECT 1 FROM made
"""

#: Runs a command; returns its code, its result and what it said.
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def muster(database_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line on executions of two agents: for each 40 failed, 20 pending, 5 completed."""
    query(
        database_url,
        "INSERT INTO agent_registry (agent_id, agent_version, retries) VALUES"
        " ('one', '1.0.0', 2), ('two', '1.0.0', 2) RETURNING 1",
    )
    query(database_url, _EXECUTIONS)

    def run(*argv: str) -> tuple[int, Any, str]:
        code = main([*argv, "--json"], environ={"DATABASE_URL": database_url})
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    return run


@pytest.mark.parametrize(
    ("change", "filters", "jobs"),
    [
        ("retry", ("--agent", "one"), 40),
        ("retry", ("--error", "Timeout"), 20),
        ("retry", ("--error", "agent_error", "--agent", "two"), 40),
        ("retry", ("--text", "HOST H1"), 28),
        ("retry", ("--source", "s3", "--agent", "one", "--limit", "7"), 7),
        ("retry", ("--since", "9m30s"), 18),
        ("retry", ("--agent", "nobody"), 0),
        ("cancel", ("--agent", "one"), 20),
        ("cancel", ("--text", '"n": 5'), 2),
        ("cancel", ("--agent", "two", "--state", "running"), 0),
    ],
)
def test_the_dry_run_says_what_is_then_changed_and_nothing_else_is(
    muster: Run, database_url: str, change: str, filters: tuple[str, ...], jobs: int
):
    # Given executions in every state / When the filter is only counted
    before = query(database_url, "SELECT * FROM agent_job_execution ORDER BY execution_id")
    code, [counted], told = muster("jobs", change, *filters)
    # Then it changed nothing, and said so
    assert (code, counted["jobs"], counted["dry_run"]) == (Exit.OK, jobs, True)
    assert "--yes" in told
    assert before == query(database_url, "SELECT * FROM agent_job_execution ORDER BY execution_id")
    # And when it is done, it does what it had said
    _, [done], _ = muster("jobs", change, *filters, "--yes")
    assert done == {**counted, "dry_run": False}
    kind = {"retry": "redriven", "cancel": "cancelled"}[change]
    assert query(database_url, "SELECT kind FROM execution_event") == [{"kind": kind}] * jobs


@pytest.mark.parametrize("change", ["retry", "cancel"])
@pytest.mark.parametrize("argv", [(), ("--tenant", "default"), ("--yes",), ("--limit", "5")])
def test_a_filter_that_asks_for_nothing_is_refused(muster: Run, change: str, argv: tuple[str, ...]):
    code, shown, told = muster("jobs", change, *argv)
    assert (code, shown) == (Exit.USAGE, None)
    assert "--agent" in told


def test_jobs_that_are_named_are_changed_at_once(muster: Run):
    # Given a failed job and a completed one / When both are retried by their ids
    code, shown, told = muster("jobs", "retry", "failed-1", "completed-1", "--agent", "one")
    # Then the failed one is pending, and the other is told to be left
    assert code == Exit.FAILED
    assert [row["changed"] for row in shown] == [True, False]
    assert "1 jobs were left" in told
    _, job, _ = muster("jobs", "get", "failed-1", "--agent", "one")
    assert (job["status"], job["attempts"], job["max_attempts"], job["redrives"]) == (
        *("pending", 0, 3),
        1,
    )


def test_a_retry_has_a_rate_and_spares_agents_that_take_no_jobs(muster: Run, database_url: str):
    # Given a disabled agent among two
    muster("agents", "disable", "two")
    # When what failed is retried at two a second
    _, [done], _ = muster("jobs", "retry", "--error", "agent_error", "--rate", "2", "--yes")
    # Then the other agent's jobs are sent one after another, twenty seconds in all
    assert done["agents"] == {"one": 40}
    [spread] = query(
        database_url,
        "SELECT extract(epoch FROM max(relay_after) - min(relay_after))::float8 AS seconds"
        " FROM agent_job_execution WHERE status = 'pending' AND redrives = 1",
    )
    assert spread["seconds"] == pytest.approx(19.5, abs=0.1)


def test_a_limit_says_that_there_is_more_and_another_run_does_the_rest(
    muster: Run, database_url: str
):
    # Given 40 failed jobs / When 30 at most are retried, and then the others
    _, [first], _ = muster("jobs", "retry", "--agent", "one", "--limit", "30", "--yes")
    _, [rest], _ = muster("jobs", "retry", "--agent", "one", "--yes")
    # Then together they are all, each once
    assert (first["jobs"], first["complete"]) == (30, False)
    assert (rest["jobs"], rest["complete"]) == (10, True)
    assert query(
        database_url,
        "SELECT DISTINCT redrives FROM agent_job_execution WHERE agent_id = 'one'"
        " AND status = 'pending' AND redrives > 0",
    ) == [{"redrives": 1}]


def test_pages_reach_every_job_once(database_url: str, muster: Run):
    # Given pages of seven
    database = database_of(database_url)
    # When 40 jobs are retried
    tally = Bulk(database, page=7).run(
        "retry", JobFilter(agent_id="one"), until=datetime.now(UTC), dry_run=False
    )
    database.close()
    # Then each was changed once
    assert (tally.jobs, tally.complete) == (40, True)
    assert query(database_url, "SELECT count(*) AS n FROM execution_event") == [{"n": 40}]


def test_what_nobody_could_understand_is_not_run_with_empty_params(muster: Run, database_url: str):
    # Given a failed job whose message was no job
    query(
        database_url,
        "UPDATE agent_job_execution SET body = 'no json' WHERE job_id = 'failed-1' RETURNING 1",
    )
    # When all are retried / Then it is left: its dead letter can be redriven, once it can be understood
    _, [done], _ = muster("jobs", "retry", "--agent", "one", "--yes")
    assert done["jobs"] == 39


def test_jobs_that_come_meanwhile_are_left_alone(database_url: str, muster: Run):
    # Given an end that lies a little back
    database = database_of(database_url)
    until = datetime.now(UTC) - timedelta(minutes=10, seconds=30)
    # When it is run
    tally = Bulk(database).run("retry", JobFilter(agent_id="one"), until=until)
    database.close()
    # Then only what was there by then counts
    assert tally.jobs == 30
    assert history_holds(database_url) == []
