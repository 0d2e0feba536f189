"""Leases and visibility are renewed, each whatever becomes of the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from ecs_listener.breaker import Breaker
from ecs_listener.holding import StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.interruption import Interruption
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.renewal import Renewal
from ecs_listener.telling import Telling
from muster.clock import SystemClock
from muster.model import Claim
from muster.ports import HandleOutcome
from tests.support.held import holding
from tests.support.waiting import wait_until

HOLD = timedelta(seconds=0.6)


class Leases:
    """A ledger that renews the claims with the fences that it knows."""

    def __init__(self, *fences: int) -> None:
        self.calls = 0
        self.waiting = set[str]()
        self._fences = fences

    def renew(
        self, claims: Sequence[Claim], *, lease: timedelta, waiting: set[str]
    ) -> dict[tuple[str, int], bool]:
        assert lease == HOLD
        self.calls += 1
        self.waiting = waiting
        return {(c.execution_id, c.fence): False for c in claims if c.fence in self._fences}


class NoSlots:
    """An agent that needs none."""

    def renew(self, *, due_within: float) -> set[Any]:
        return set()


class DeafSqs:
    """Answers to no change of visibility until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()

    def change_visibility_batch(self, queue_url: str, changes: Sequence[Any]) -> list[Any]:
        self.asked.set()
        self.let_go.wait(60)
        return [HandleOutcome.ACCEPTED] * len(changes)


def test_an_sqs_that_does_not_answer_costs_no_lease():
    # Given a job, and an SQS that leaves the renewal of its message waiting
    holdings, leases, sqs = _nothing(), Leases(1), DeafSqs()
    held = holding(holdings, proven_until=0.0, visible_at=0.0)
    with _running(_renewal(holdings, leases, sqs)):
        assert sqs.asked.wait(60)
        before = leases.calls
        # Then its lease is renewed all the same
        wait_until(lambda: leases.calls > before + 1)
        assert held.stop is None
        sqs.let_go.set()


def test_an_attempt_is_lost_when_only_the_next_one_of_the_same_job_is_renewed():
    # Given a job that this process claimed twice: it was stopped for longer than a lease in between
    holdings = _nothing()
    first = holding(holdings, fence=1, proven_until=0.0)
    second = holding(holdings, fence=2, proven_until=0.0)
    # When the ledger renews the claim that it knows
    _renewal(holdings, Leases(2), DeafSqs()).leases()
    # Then the other one is stopped
    assert (first.stop, second.stop) == (StopReason.LEASE_LOST, None)
    assert first.proven_until == 0.0 < second.proven_until


def test_the_ledger_is_told_which_jobs_wait_for_their_turn():
    # Given a job, and a ledger that renews it
    holdings, leases = _nothing(), Leases(1)
    held = holding(holdings, proven_until=0.0)
    renewal = _renewal(holdings, leases, DeafSqs())
    # When its lease is renewed before its function is called, and after
    renewal.leases()
    before, held.proven_until = leases.waiting, 0.0
    assert holdings.begin(held, Interruption(), now=1.0)
    renewal.leases()
    # Then it waited, and does no longer
    assert (before, leases.waiting) == ({held.claim.execution_id}, set())


def _nothing() -> Holdings:
    return Holdings(left=lambda: None, dispose=lambda _parcel, _fate: None)


def _renewal(holdings: Holdings, leases: Any, sqs: Any) -> Renewal:
    clock, slots = SystemClock(), NoSlots()
    parts: dict[str, Any] = {"renewals": leases, "queues": sqs, "slots": slots}
    return Renewal(
        hold=HOLD,
        holdings=holdings,
        breaker=Breaker(clock=clock, changed=lambda _problem: None),
        telling=Telling(log=logging.getLogger("silent"), metrics=ListenerMetrics()),
        clock=clock,
        **parts,
    )


@contextmanager
def _running(renewal: Renewal) -> Iterator[None]:
    works: list[Callable[[], None]] = [renewal.run, renewal.run_visibility]
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        renewal.end()
        for thread in threads:
            thread.join(60)
