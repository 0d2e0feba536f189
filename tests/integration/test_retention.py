"""What is too old leaves the ledger, in bounded steps, and nothing that is not at rest goes with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import psycopg2
import pytest

from muster.contracts import JOB_KEY_DAYS, KEEP_DAYS
from muster.dispatcher.retention import BLOCKS, Retention
from muster.model import Status, Verdict
from tests.support.clerk import Clerk, delivery, held
from tests.support.invariants import history_holds

DAY = timedelta(days=1)
OLD = (KEEP_DAYS + 40) * DAY

Retain = Callable[[], int]


@pytest.fixture
def clerk(each_database_url: str) -> Iterator[Clerk]:
    """A worker at an empty ledger, whose log must be a legal history when the test ends."""
    made = Clerk(each_database_url)
    yield made
    made.close()
    assert history_holds(each_database_url) == []


@pytest.fixture
def retain(clerk: Clerk) -> Retain:
    """Runs the duty until nothing is left; how many rows and partitions left. Past months have partitions."""
    clerk.query("SELECT muster_ensure_partitions_v1(now() - interval '8 months', 8)")
    duty = Retention(
        database=clerk.database, keep_days=KEEP_DAYS, log=logging.getLogger("retention")
    )

    def until_nothing_is_left() -> int:
        total = 0
        while count := duty.page():
            total += count
        return total

    return until_nothing_is_left


def _age(clerk: Clerk, age: timedelta, *job_ids: str) -> None:
    """All of it happened that long ago."""
    clerk.query(
        "UPDATE execution_event v SET at = v.at - %s FROM agent_job_execution e"
        " WHERE e.execution_id = v.execution_id AND e.job_id = ANY(%s)",
        age,
        list(job_ids),
    )
    clerk.query(
        "UPDATE agent_job_execution SET created_at = created_at - %s, completed_at = completed_at - %s"
        " WHERE job_id = ANY(%s)",
        age,
        age,
        list(job_ids),
    )
    clerk.query(
        "UPDATE job_key SET created_at = created_at - %s WHERE job_id = ANY(%s)", age, list(job_ids)
    )


def _finish(clerk: Clerk, *job_ids: str) -> None:
    for job_id in job_ids:
        clerk.settle(clerk.take(job_id), "completed")


def _keys(clerk: Clerk) -> list[str]:
    return [row["job_id"] for row in clerk.query("SELECT job_id FROM job_key ORDER BY 1")]


def _months(clerk: Clerk, table: str = "agent_job_execution") -> int:
    return len(
        clerk.query(
            "SELECT 1 FROM pg_inherits WHERE inhparent = %s::regclass"
            " AND inhrelid::regclass::text !~ 'default'",
            table,
        )
    )


def test_job_ids_are_known_for_a_month_and_then_forgotten(clerk: Clerk, retain: Retain):
    # Given jobs that ended: today, just within the time, and before it; and an old one that still runs
    _finish(clerk, "today", "within", "before", "late")
    running = clerk.take("running")
    _age(clerk, (JOB_KEY_DAYS - 1) * DAY, "within")
    _age(clerk, (JOB_KEY_DAYS + 1) * DAY, "before", "running", "late")
    clerk.query("UPDATE agent_job_execution SET completed_at = now() WHERE job_id = 'late'")
    # When what is too old leaves / Then the one that has been at rest for the whole time is forgotten
    retain()
    assert _keys(clerk) == ["late", "running", "today", "within"]
    # And what still runs is settled as ever, what is known is a duplicate, what is forgotten would run again
    [row] = clerk.query("SELECT created_at FROM agent_job_execution WHERE job_id = 'running'")
    assert running.created_at != row["created_at"]
    assert clerk.judge(delivery("within")) == [Verdict.DUPLICATE]
    assert clerk.judge(delivery("before")) == [Verdict.TAKEN]


def test_a_step_looks_through_a_bounded_part_of_the_job_ids(clerk: Clerk):
    """The table is swept block by block: a step costs the same however large it is."""
    # Given more old ids than one step looks through
    clerk.query(
        "INSERT INTO job_key SELECT 'a', md5(n::text) || repeat('x', 500), gen_random_uuid(),"
        " now() - interval '40 days' FROM generate_series(1, 300) n"
    )
    step = "SELECT muster_prune_job_keys_v1(interval '32 days', 2) AS removed"
    # When it is swept two blocks of each part at a time
    removed: list[int] = []
    while not removed or removed[-1]:
        removed.append(clerk.query(step)[0]["removed"])
    # Then each step removes some, and all of them are gone in the end
    assert max(removed) <= 4 * 2 * 16
    assert sum(removed) == 300
    assert BLOCKS > 2


def test_months_that_are_too_old_are_dropped_and_what_is_not_at_rest_is_moved_out(
    clerk: Clerk, retain: Retain
):
    # Given an old month with jobs that ended, one that waits, one that runs and one whose dead letter is owed
    _finish(clerk, "done", "recent")
    running = clerk.take("running")
    clerk.settle(clerk.take("waits"), "retried", delay=timedelta(0))
    clerk.settle(clerk.take("owed"), "failed")
    _age(clerk, OLD, "done", "waits", "running", "owed")
    [moved] = clerk.query("SELECT created_at FROM agent_job_execution WHERE job_id = 'running'")
    months = _months(clerk)
    # When what is too old leaves
    assert retain() > 0
    # Then the month is gone with what had ended, and its events
    assert _months(clerk) < months
    assert _months(clerk) == _months(clerk, "execution_event")
    jobs = clerk.query("SELECT job_id, tableoid::regclass::text AS place FROM agent_job_execution")
    assert {row["job_id"] for row in jobs} == {"recent", "waits", "running", "owed"}
    assert {row["place"] for row in jobs if row["job_id"] != "recent"} == {
        "agent_job_execution_default"
    }
    assert [event["kind"] for event in clerk.events("waits")] == ["claimed", "retried"]
    # And what was moved out goes on: it is settled, claimed, and known by its id
    aged = replace(running, created_at=moved["created_at"])
    assert clerk.settle(aged, "completed") is Status.COMPLETED
    assert clerk.judge(delivery("waits")) == [Verdict.TAKEN]
    assert history_holds(clerk.query) == []
    # And nothing is left to do
    assert retain() == 0


def test_what_was_moved_out_leaves_when_it_has_been_at_rest_for_long(clerk: Clerk, retain: Retain):
    clerk.settle(clerk.take("owed"), "failed")
    _age(clerk, OLD, "owed")
    retain()
    assert len(clerk.query("SELECT 1 FROM agent_job_execution")) == 1
    # When its dead letter has been sent, and it has rested for long
    clerk.query("UPDATE agent_job_execution SET dlq_pending = false")
    retain()
    # Then nothing is left of it
    assert clerk.query("SELECT 1 FROM agent_job_execution") == []
    assert clerk.query("SELECT 1 FROM execution_event") == []
    assert _keys(clerk) == []


def test_no_month_is_dropped_before_its_job_ids_are_pruned(clerk: Clerk, retain: Retain):
    """A known id without a row would be a riddle to whoever gets its message."""
    _finish(clerk, "done")
    _age(clerk, OLD, "done")
    drop = "SELECT * FROM muster_drop_partition_v1('90 days', '32 days', 10)"
    assert clerk.query(drop) == []
    retain()
    assert clerk.query("SELECT 1 FROM agent_job_execution") == []


def test_a_month_that_somebody_reads_is_left_for_later(clerk: Clerk, retain: Retain):
    # Given somebody who reads the executions for a long time
    _finish(clerk, "done")
    _age(clerk, OLD, "done")
    months = _months(clerk)
    with held(clerk.url, "SELECT count(*) FROM agent_job_execution"):
        # When what is too old should leave / Then it does not wait for long, and claims go on
        retain()
        assert _months(clerk) == months
        assert clerk.judge(delivery("meanwhile")) == [Verdict.TAKEN]
    # And later it leaves
    retain()
    assert _months(clerk) < months


def test_a_month_with_too_much_that_is_not_at_rest_stays(clerk: Clerk, retain: Retain):
    clerk.take("a")
    clerk.take("b")
    _age(clerk, OLD, "a", "b")
    clerk.query("SELECT muster_prune_job_keys_v1('32 days', 256)")
    # When months leave, from the oldest on / Then it stops at this one
    drop, verdict = "SELECT * FROM muster_drop_partition_v1('90 days', '32 days', 1)", "dropped"
    while verdict == "dropped":
        verdict = clerk.query(drop)[0]["verdict"]
    assert verdict == "more than 1 of its executions are not at rest"
    assert len(clerk.query("SELECT 1 FROM agent_job_execution")) == 2


def test_a_crash_in_the_middle_changes_nothing(clerk: Clerk, retain: Retain):
    """Detaching, moving and dropping are one transaction."""
    clerk.take("running")
    _age(clerk, OLD, "running")
    clerk.query("SELECT muster_prune_job_keys_v1('32 days', 256)")
    months = _months(clerk)
    with closing(psycopg2.connect(clerk.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT verdict FROM muster_drop_partition_v1('90 days', '32 days', 10)")
        assert cursor.fetchall() == [("dropped",)]
    assert _months(clerk) == months
    assert clerk.row("running")["status"] == "running"
