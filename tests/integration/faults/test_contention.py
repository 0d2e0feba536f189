"""Statements that fail because of others, and succeed a moment later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import psycopg2
import psycopg2.errors
import pytest

from muster.errors import StoreUnavailable
from muster.execution.deadline import DeadlineReached, deadline
from muster.model import Status, Verdict
from muster.store.statements import statements
from tests.support.clerk import (
    Clerk,
    claim_one,
    database_of,
    held,
    ledger_at,
    outcome,
    query,
)
from tests.support.proxy import FaultProxy
from tests.support.waiting import wait_until

_LOCK_ALL = "SELECT 1 FROM agent_job_execution FOR UPDATE"
#: A statement that needs nothing but a connection.
ONE = replace(
    statements("ledger")["cancel"],
    name="one",
    prepare="PREPARE one AS SELECT 1",
    execute="EXECUTE one",
)


def test_a_call_that_waits_out_a_short_outage_succeeds(clerk: Clerk):
    """F33: inside its bound a call is repeated until the server is back."""
    with (
        FaultProxy(clerk.url) as proxy,
        ledger_at(proxy.url, retry_seconds=120) as ledger,
        ThreadPoolExecutor(1) as pool,
    ):
        claim_one(ledger, "before")
        proxy.refuse()
        call = pool.submit(claim_one, ledger, "during")
        with pytest.raises(TimeoutError):
            call.result(0.3)
        proxy.open()
        assert call.result(120).verdict is Verdict.TAKEN


def test_a_deadlock_is_retried(clerk: Clerk):
    """F37 (40P01): the victim tries again and wins."""
    # Given two running jobs, and another session that holds one and will want the other
    claims = [clerk.take(job) for job in ("a", "b")]
    lock = "SELECT 1 FROM agent_job_execution WHERE job_id = %s FOR UPDATE"
    # (The worker is to be the victim: it looks for a deadlock once, when the other has come to wait, too.)
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET deadlock_timeout = '5s'")
    with (
        closing(psycopg2.connect(clerk.url)) as other,
        ledger_at(clerk.url, call_seconds=120) as ledger,
        ThreadPoolExecutor(1) as pool,
    ):
        cursor = other.cursor()
        cursor.execute("SET deadlock_timeout = '120s'")
        cursor.execute(lock, ("b",))
        # When both are settled at once
        call = pool.submit(ledger.settle, [outcome(claim, "completed") for claim in claims])
        wait_until(lambda: _waits(clerk.url))
        cursor.execute(lock, ("a",))
        other.rollback()
        # Then both are settled in the end
        assert set(call.result(120).values()) == {Status.COMPLETED}
    deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()"
    assert wait_until(lambda: query(clerk.url, deadlocks)[0]["n"]) >= 1


def _waits(url: str) -> bool:
    """Whether a session of this database waits for a lock."""
    return bool(
        query(
            url,
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    )


@pytest.mark.parametrize(
    ("setting", "release"),
    [
        ("lock_timeout = '100ms'", "ROLLBACK"),  # 55P03
        ("default_transaction_isolation = 'repeatable read'", "COMMIT"),  # 40001
    ],
    ids=["lock_not_available", "serialization_failure"],
)
def test_what_a_moment_later_may_succeed_is_tried_again(clerk: Clerk, setting: str, release: str):
    """F37: lock time-out and serialization failure are repeated with a pause."""
    # Given a job whose row another session changes, and sessions that fail instead of waiting
    claim = clerk.take("j")
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET {setting}")
    with closing(psycopg2.connect(clerk.url)) as other, ThreadPoolExecutor(1) as pool:
        cursor = other.cursor()
        cursor.execute("UPDATE agent_job_execution SET relays = relays + 1")
        # When the job is settled meanwhile
        with ledger_at(clerk.url, call_seconds=120, retry_seconds=120) as ledger:
            call = pool.submit(ledger.settle, [outcome(claim, "completed")])
            wait_until(lambda: _waits(clerk.url))
            with pytest.raises(TimeoutError):
                call.result(0.3)
            cursor.execute(release)
            # Then it is settled as soon as that is possible
            assert call.result(120) == {claim.execution_id: Status.COMPLETED}
    assert clerk.story("j") == ["claimed", "completed"]


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_statement_that_an_operator_ends_is_tried_again(clerk: Clerk, end: str):
    """F31, F37 (57014, 57P01): whoever ends a session or its statement does not lose the settlement."""
    claim = clerk.take("j")
    with ThreadPoolExecutor(1) as pool:
        with held(clerk.url, _LOCK_ALL):
            call = pool.submit(clerk.ledger.settle, [outcome(claim, "completed")])
            ended = f"SELECT {end}(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: clerk.query(ended))
        assert call.result(120) == {claim.execution_id: Status.COMPLETED}
    assert clerk.story("j") == ["claimed", "completed"]


def test_what_does_not_go_away_is_told_with_its_class(clerk: Clerk):
    """F37: after the bound the failure surfaces, by name."""
    claim = clerk.take("j")
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET lock_timeout = '50ms'")
    with (
        held(clerk.url, _LOCK_ALL),
        ledger_at(clerk.url, retry_seconds=0.5) as ledger,
        pytest.raises(StoreUnavailable, match="LockNotAvailable"),
    ):
        ledger.settle([outcome(claim, "completed")])


def test_a_wrong_statement_is_told_at_once_and_harms_no_other(clerk: Clerk):
    # Given a statement that can never work
    bad = replace(ONE, name="bad", prepare="PREPARE bad AS SELECT 1 / 0", execute="EXECUTE bad")
    with closing(database_of(clerk.url)) as database:
        # When it runs / Then its own error comes, not "unavailable", and the connection stays good
        for _ in range(2):
            with pytest.raises(psycopg2.errors.DivisionByZero):
                database.run(bad)
        assert database.run(ONE) == [(1,)]


def test_a_call_that_is_interrupted_by_the_deadline_of_its_job_leaves_a_usable_connection(
    clerk: Clerk,
):
    # Given a checkpoint that waits for a lock, inside an attempt that runs out of time
    claim = clerk.take("j")
    with ledger_at(clerk.url) as ledger:
        with (
            held(clerk.url, _LOCK_ALL),
            pytest.raises(DeadlineReached),
            deadline(timedelta(seconds=0.2)),
        ):
            ledger.checkpoint(claim, {"page": 1})
        # When the attempt is settled / Then it works
        assert ledger.settle([outcome(claim, "retried")]) == {claim.execution_id: Status.PENDING}
