"""Runs claimed jobs in threads of their own, as many at once as the process may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from ecs_listener.holding import Holding, StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.interruption import Interruption
from ecs_listener.ready import Ready
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.crashpoint import CrashPointReached
from muster.errors import Cancelled
from muster.execution.attempt import Attempts
from muster.execution.record import Recorder
from muster.execution.worker import HAND_BACK_RELAY
from muster.isolation.caller import Caller, Ended
from muster.isolation.failure import timed_out
from muster.isolation.interrupted import Interrupted
from muster.job import Job
from muster.model import Claim, Outcome, Status

#: The holding whose job the current thread runs.
_current = threading.local()


class Threads:
    """A `Caller` that calls the function in the listener's own thread: nothing is isolated."""

    def __init__(self, function: Callable[[Job], Any]) -> None:
        self._function = function

    def call(self, job: Job, *, limit: timedelta) -> Ended:  # noqa: ARG002 - the supervision keeps the limit
        """See `muster.isolation.caller.Caller.call`; it may be interrupted."""
        cpu = time.thread_time()
        result: Any = None
        error: BaseException | None = None
        try:
            result = self._function(job)
        except (CrashPointReached, Interrupted):
            raise
        except BaseException as raised:  # noqa: BLE001 - agents raise anything, and the others must run
            error = raised
        return Ended(result=result, error=error, cpu_seconds=time.thread_time() - cpu)

    @property
    def overhead(self) -> timedelta:
        """See `muster.isolation.caller.Caller.overhead`."""
        return timedelta(0)


class Stoppable:
    """A `Caller` around another one, whose calls the listener can stop from any thread."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def overhead(self) -> timedelta:
        """See `muster.isolation.caller.Caller.overhead`."""
        return self._caller.overhead

    def call(self, job: Job, *, limit: timedelta) -> Ended:
        """See `muster.isolation.caller.Caller.call`.

        Raises:
            Interrupted: it was stopped, and nothing is to be recorded of how it ended.
        """
        holding: Holding = _current.holding
        interruption = holding.interruption
        if interruption is None:
            raise RuntimeError("a job runs outside the listener's threads")
        try:
            return interruption.run(lambda: self._caller.call(job, limit=limit))
        except Interrupted:
            match holding.stop:
                case StopReason.TIMEOUT:
                    return Ended(error=timed_out(limit))
                case StopReason.CANCEL:
                    return Ended(error=Cancelled(StopReason.CANCEL))
                case _:
                    raise


class Running:
    """Threads that run jobs.

    Args:
        attempts: what runs this job.
        settle: takes each outcome.
    """

    def __init__(
        self,
        *,
        attempts: Callable[[Claim], Attempts],
        timeout: timedelta,
        holdings: Holdings,
        recorder: Recorder,
        telling: Telling,
        clock: Clock,
        settle: Callable[[Holding, Outcome], None],
    ) -> None:
        self._attempts = attempts
        self._timeout = timeout
        self._holdings = holdings
        self._recorder = recorder
        self._telling = telling
        self._clock = clock
        self._settle = settle
        self._ready: Ready[Sequence[Holding]] = Ready()

    def put(self, messages: Sequence[Sequence[Holding]]) -> None:
        """Run the jobs of each of these messages, one after another, as soon as a thread is free."""
        self._ready.put(*messages)

    def timeout_outcome(self, claim: Claim) -> Outcome:
        """How a job is recorded that ran past its timeout and does not stop."""
        return self._attempts(claim).failed(claim, timed_out(self._timeout))

    def run(self) -> None:
        """Run jobs until the process ends."""
        while True:
            for holding in self._ready.get():
                self._one(holding)

    def _one(self, holding: Holding) -> None:
        outcome = self._outcome(holding)
        self._holdings.ended(holding)
        if outcome is None:
            self._telling.lease_lost(holding.claim)
            self._holdings.abandon(holding)
        else:
            self._settle(holding, outcome)

    def _outcome(self, holding: Holding) -> Outcome | None:
        claim, rejection = holding.claim, holding.arrival.rejection
        if rejection is not None:
            return Outcome(claim=claim, status=Status.FAILED, kind="failed", error=rejection)
        if not self._holdings.begin(holding, Interruption(), now=self._clock.monotonic()):
            return stopped(holding)
        self._recorder.started(claim)
        _current.holding = holding
        try:
            return self._attempts(claim).run(claim, limit=self._timeout)
        except Interrupted:
            return stopped(holding)
        finally:
            _current.holding = None
            self._recorder.ended(claim)


def stopped(
    holding: Holding, *, timeout: Callable[[Claim], Outcome] | None = None
) -> Outcome | None:
    """The outcome of a job that was stopped before it had one; None: nothing may be written.

    Args:
        timeout: makes the outcome of one that ran too long and does not stop.
    """
    match holding.stop:
        case StopReason.TIMEOUT if timeout is not None:
            return timeout(holding.claim)
        case StopReason.HAND_BACK:
            return Outcome(
                claim=holding.claim,
                status=Status.PENDING,
                kind="handed_back",
                relay_delay=HAND_BACK_RELAY,
                refund=True,
                reason="shutdown",
            )
        case StopReason.CANCEL:
            return Outcome(
                claim=holding.claim,
                status=Status.CANCELLED,
                kind="cancelled",
                reason=StopReason.CANCEL,
            )
        case _:
            return None
