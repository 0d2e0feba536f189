"""Whatever an agent raises, its attempt ends in the ledger and the worker goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from muster.errors import Cancelled, MusterError, PermanentError, RetryableError, RetryLater
from muster.execution.disposition import ACKNOWLEDGE, return_after
from muster.job import Job
from tests.support.clerk import held
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]

#: Of an agent that is waited for; long beside what other jobs do on a machine that stands still for a while.
_SHORT = timedelta(seconds=5)


class Unprintable(Exception):
    """Raises when it is looked at."""

    def __str__(self) -> str:
        raise SystemExit("even so")


class OddCode(MusterError):
    """Its code is no text."""

    code = object()  # type: ignore[assignment] - what an agent's author may get wrong


def _circular() -> Exception:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


ODD: dict[str, Callable[[], BaseException]] = {
    "exception": lambda: ValueError("text"),
    "system-exit": lambda: SystemExit(3),
    "keyboard-interrupt": KeyboardInterrupt,
    "generator-exit": GeneratorExit,
    "cancelled-task": asyncio.CancelledError,
    "base-exception": lambda: BaseException("bare"),
    "unprintable": Unprintable,
    "circular-cause": _circular,
    "group": lambda: ExceptionGroup("several", [ValueError("a"), TypeError("b")]),
    "surrogates": lambda: ValueError("\ud800\x00\r\n\x1b[31m"),
    "huge": lambda: ValueError("x" * 5_000_000),
    "odd-code": lambda: OddCode("m"),
    "recursion": lambda: RecursionError("deep"),
    "memory": MemoryError,
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_is_raised_is_a_failed_attempt(workshop: MakeWorkshop, name: str):
    """F11: recorded with a bounded, storable error, tried again, and the neighbours run."""

    # Given an agent that raises this for one job of the batch, always
    def behaviour(job: Job) -> None:
        if job.id != "bad":
            return shop.effect(job.id)
        odd = ODD[name]()
        raise odd

    shop = workshop(behaviour=behaviour, max_attempts=2)
    shop.send("before", "bad", "after")
    # When the batch is delivered
    fates = shop.deliver()
    # Then the neighbours are completed and the odd one waits for its second attempt
    assert [fates[0], fates[2]] == [ACKNOWLEDGE, ACKNOWLEDGE]
    row = shop.clerk.row("bad")
    assert (row["status"], row["attempts"]) == ("pending", 1)
    assert len(str(row["error"])) < 40_000
    assert row["error"]["stack"]
    # And after it the dead letter tells what it was
    shop.settle_down()
    [letter] = shop.letters()
    assert (letter["muster-job"], letter["muster-attempts"]) == ("bad", "2")
    assert letter["muster-error-class"] == type(ODD[name]()).__qualname__
    assert shop.problems(at_rest=True) == []


def test_errors_that_steer_do_what_they_say(workshop: MakeWorkshop):
    # Given jobs that end in each of the ways an agent may ask for
    asked: dict[str, BaseException] = {
        "permanent": PermanentError("never"),
        "cancelled": Cancelled("not needed"),
        "later": RetryLater(after=60),
        "much-later": RetryLater(after=timedelta(hours=2)),
        "snooze": RetryLater(after=30, snooze=True),
        "retryable": RetryableError("again"),
    }

    def behaviour(job: Job) -> None:
        raise asked[job.id]

    shop = workshop(behaviour=behaviour)
    shop.send(*asked)
    # When they are delivered
    fates = dict(zip(asked, shop.deliver(), strict=True))
    # Then each message has the fate of its job
    assert fates["permanent"] == fates["cancelled"] == ACKNOWLEDGE
    assert fates["later"] == return_after(timedelta(seconds=60))
    assert fates["snooze"] == return_after(timedelta(seconds=30))
    assert fates["retryable"] == return_after(timedelta(0))  # the tests' jitter is 0
    # And a wait too long for a message is left to the relay
    assert fates["much-later"] == ACKNOWLEDGE
    rows = {job: shop.clerk.row(job) for job in asked}
    assert {job: (row["status"], row["attempts"]) for job, row in rows.items()} == {
        "permanent": ("failed", 1),
        "cancelled": ("cancelled", 1),
        "later": ("pending", 1),
        "much-later": ("pending", 1),
        "snooze": ("pending", 0),
        "retryable": ("pending", 1),
    }
    assert rows["cancelled"]["reason"] == "not needed"
    assert rows["much-later"]["relay_after"] == rows["much-later"]["available_at"]
    assert [a["muster-job"] for a in shop.letters()] == ["permanent"]


def test_a_wait_beyond_the_calendar_is_cut(workshop: MakeWorkshop):
    # Given a job that asks to be tried again in a hundred thousand years, and a neighbour
    def behaviour(job: Job) -> None:
        if job.id == "far":
            raise RetryLater(after=timedelta(days=36_500_000))

    shop = workshop(behaviour=behaviour)
    shop.send("far", "near")
    # When they are delivered / Then both are settled
    shop.deliver()
    assert shop.clerk.row("far")["status"] == "pending"
    assert shop.clerk.row("near")["status"] == "completed"


def test_a_job_that_fails_twice_succeeds_at_last(workshop: MakeWorkshop):
    def behaviour(job: Job) -> int:
        if job.attempt < 3:
            raise ValueError("not yet")
        shop.effect(job.id)
        return job.attempt

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    shop.settle_down()
    row = shop.clerk.row("j")
    assert (row["status"], row["result"], row["attempts"], row["error"]) == (
        "completed",
        3,
        3,
        None,
    )
    assert shop.clerk.story("j") == ["claimed", "retried"] * 2 + ["claimed", "completed"]
    assert shop.problems(at_rest=True) == []


def test_a_job_that_always_fails_ends_in_the_dlq_after_its_budget(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        raise ValueError(f"attempt {job.attempt}")

    shop = workshop(behaviour=behaviour, max_attempts=3)
    shop.send("j")
    shop.settle_down()
    [letter] = shop.letters()
    assert letter["muster-attempts"] == "3"
    assert letter["muster-reason"] == "agent_error: attempt 3"
    assert shop.clerk.row("j")["attempts"] == 3
    assert shop.problems(at_rest=True) == []


def test_a_job_that_hangs_is_stopped_at_its_timeout(workshop: MakeWorkshop):
    """F8, F26: the deadline interrupts it; the neighbours are not waited for in vain."""

    # Given a job that hangs in a loop that swallows every ordinary exception
    def behaviour(job: Job) -> None:
        while job.id == "hangs":
            try:
                time.sleep(600)
            except Exception:  # noqa: BLE001 - what careless agents do
                continue
        shop.effect(job.id)

    shop = workshop(behaviour=behaviour, timeout=_SHORT)
    shop.send("before", "hangs", "after")
    # When it is delivered
    began = time.monotonic()
    shop.deliver()
    # Then it was stopped, told why, and will be tried again
    assert time.monotonic() - began < 60
    row = shop.clerk.row("hangs")
    assert (row["status"], row["error"]["code"]) == ("pending", "timeout")
    assert "raise `timeout` in agent.toml" in row["error"]["message"]
    assert shop.clerk.row("after")["status"] == "completed"
    assert row["metrics"]["executionTime"] >= _SHORT / timedelta(milliseconds=1)


def test_a_job_that_swallows_the_first_stop_gets_another(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        try:
            time.sleep(600)
        except BaseException:  # noqa: BLE001 - the most careless of agents
            time.sleep(600)

    shop = workshop(behaviour=behaviour, timeout=timedelta(seconds=0.2))
    shop.send("j")
    began = time.monotonic()
    shop.deliver()
    assert time.monotonic() - began < 60
    assert shop.clerk.row("j")["error"]["code"] == "timeout"


def test_a_deadline_that_strikes_in_a_checkpoint_costs_only_that_attempt(workshop: MakeWorkshop):
    # Given a job whose checkpoint waits for a lock until its time is over
    def behaviour(job: Job) -> None:
        if job.id == "j":
            with held(shop.clerk.url, "SELECT 1 FROM agent_job_execution FOR UPDATE"):
                job.checkpoint({"page": 1})

    shop = workshop(behaviour=behaviour, timeout=_SHORT)
    shop.send("j", "next")
    # When both are delivered / Then both are settled
    shop.deliver()
    assert shop.clerk.row("j")["error"]["code"] == "timeout"
    assert shop.clerk.row("next")["status"] == "completed"


def test_progress_is_there_at_the_next_attempt(workshop: MakeWorkshop):
    """S5: what a checkpoint saved survives the attempt."""
    seen: list[Any] = []

    def behaviour(job: Job) -> None:
        seen.append(job.state)
        job.checkpoint({"page": job.attempt})
        if job.attempt < 3:
            raise ValueError("not done")

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    shop.settle_down()
    assert seen == [None, {"page": 1}, {"page": 2}]


def test_an_agent_whose_claim_is_lost_is_told_at_its_checkpoint(workshop: MakeWorkshop):
    """I3: it stops, and what it did afterwards does not count."""

    def behaviour(job: Job) -> None:
        shop.clerk.expire("j")
        shop.clerk.take("j", "other")
        job.checkpoint({"page": 1})
        raise AssertionError("it went on")

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    [fate] = shop.deliver()
    # Then its message is left alone: whoever holds the job answers for it
    assert fate.fate == "keep"
    row = shop.clerk.row("j")
    assert (row["status"], row["fence"], row["state"]) == ("running", 2, None)
    assert shop.metrics.counts["FencedWrites"] == 1
    assert "write refused" in shop.log.everything()
