"""How long registration waits for a database, by a clock that the test holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest

from muster.errors import StoreUnavailable
from muster.registration import RegistrationFailed
from muster.registration.failure import shorten
from muster.registration.patience import Patience, describe


class HeldClock:
    """Time passes only when someone sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Connection:
    closed_ones = 0

    def close(self) -> None:
        Connection.closed_ones += 1


def test_an_absent_database_is_waited_for():
    # Given a database that comes back after ten seconds
    clock, asked = HeldClock(), list[float]()

    def connect(seconds: float) -> Any:
        asked.append(seconds)
        if clock.monotonic() < 10:
            raise StoreUnavailable("Postgres: refused")
        return Connection()

    # When something is done within a minute
    done = Patience(connect, clock=clock, give_up=60).run(lambda _: "done")

    # Then it is done then, and each try was told how long it may take
    assert done == "done"
    assert 10 <= clock.monotonic() <= 16
    assert asked == sorted(asked, reverse=True)


def test_a_database_that_stays_away_is_given_up_in_time():
    clock = HeldClock()

    def connect(_: float) -> Any:
        raise StoreUnavailable("Postgres: refused")

    with pytest.raises(RegistrationFailed, match="Postgres: refused; gave up in time"):
        Patience(connect, clock=clock, give_up=60).run(lambda _: None)

    assert 50 < clock.monotonic() < 60


@pytest.mark.parametrize(
    "error",
    [
        psycopg2.OperationalError("server closed the connection unexpectedly"),
        psycopg2.errors.DeadlockDetected("deadlock detected"),
        psycopg2.InterfaceError("connection already closed"),
    ],
)
def test_what_may_succeed_is_tried_again_on_a_new_connection(error: Exception):
    # Given an action that fails once
    failures, before = [error], Connection.closed_ones

    def action(_: Any) -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert Patience(lambda _: Connection(), clock=HeldClock(), give_up=60).run(action) == "done"
    assert Connection.closed_ones == before + 2


def test_what_cannot_succeed_is_not_tried_again():
    clock = HeldClock()

    def action(_: Any) -> None:
        raise psycopg2.errors.UndefinedColumn('column "x" does not exist\nLINE 1: SELECT x')

    with pytest.raises(RegistrationFailed, match='UndefinedColumn: column "x" does not exist$'):
        Patience(lambda _: Connection(), clock=clock, give_up=60).run(action)

    assert clock.monotonic() == 0


def test_a_description_leaves_the_detail_out():
    error = psycopg2.errors.CheckViolation(
        "violates a check\nDETAIL:  Failing row contains (hunter2)"
    )

    assert describe(error) == "Postgres: CheckViolation: violates a check"


def test_a_reason_is_cut_to_bytes_and_not_within_a_character():
    cut = shorten("é" * 2000)

    assert len(cut.encode()) <= 900
    assert cut.endswith("(the rest is in the function's log)")
    assert shorten("short") == "short"
