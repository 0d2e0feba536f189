"""Writes outcomes into the ledger: one statement for all that ended together, again until it is answered."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

import psycopg2

from ecs_listener.breaker import Breaker
from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from muster.clock import Clock
from muster.crashpoint import crashpoint
from muster.dead_letter import failure_of
from muster.errors import StoreUnavailable
from muster.execution.disposition import ACKNOWLEDGE, KEEP, Disposition, return_after
from muster.execution.record import Recorder
from muster.model import Failure, Outcome, Status
from muster.retry import LONGEST_IN_QUEUE
from muster.store.ledger import Ledger
from muster.store.migration import SchemaError

#: Outcomes that are written by one statement.
MOST_AT_ONCE = 200

#: Pause between two tries, in seconds, on top of what the connection itself waits.
PAUSE = 0.5

_Ended = tuple[Holding, Outcome]


class Settlement:
    """The one thread that settles. What is not written yet is held, and its lease renewed.

    Args:
        bury: takes a holding whose job failed for good, with its failure.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        holdings: Holdings,
        breaker: Breaker,
        recorder: Recorder,
        clock: Clock,
        bury: Callable[[Holding, Failure], None],
    ) -> None:
        self._ledger = ledger
        self._holdings = holdings
        self._breaker = breaker
        self._recorder = recorder
        self._clock = clock
        self._bury = bury
        self._inbox: queue.SimpleQueue[_Ended | None] = queue.SimpleQueue()
        self._giving_up = threading.Event()

    @property
    def waiting(self) -> int:
        """Outcomes that are not written yet, about."""
        return self._inbox.qsize()

    def put(self, holding: Holding, outcome: Outcome) -> None:
        """Write this outcome soon."""
        self._inbox.put((holding, outcome))

    def end(self, *, give_up: bool) -> None:
        """Let the thread end once everything is written, or without trying again what is not."""
        if give_up:
            self._giving_up.set()
        self._inbox.put(None)

    def run(self) -> None:
        """Settle until the end."""
        ending = False
        while not ending:
            ended, ending = self._gather()
            if ended:
                self._settle(ended)

    def _gather(self) -> tuple[list[_Ended], bool]:
        ended: list[_Ended] = []
        came = self._inbox.get()
        while came is not None:
            ended.append(came)
            if len(ended) >= MOST_AT_ONCE:
                return ended, False
            try:
                came = self._inbox.get_nowait()
            except queue.Empty:
                return ended, False
        return ended, True

    def _settle(self, ended: Sequence[_Ended]) -> None:
        crashpoint("settle.before")
        try:
            states = self._written([outcome for _, outcome in ended])
        except psycopg2.Error as error:
            self._divide(ended, error)
            return
        if states is None:
            self._holdings.all_settled([(holding, KEEP) for holding, _ in ended])
            return
        crashpoint("settle.after")
        written = [(outcome, states.get(outcome.claim.execution_id)) for _, outcome in ended]
        self._recorder.all_settled(written)
        fates: list[tuple[Holding, Disposition]] = []
        for (holding, _), (outcome, state) in zip(ended, written, strict=True):
            if state is Status.FAILED and outcome.error is not None:
                failure = failure_of(
                    outcome.claim,
                    error=outcome.error.to_json(at=self._clock.now()),
                    body=holding.arrival.delivery.body,
                )
                self._bury(holding, failure)
            else:
                fates.append((holding, fate_of(outcome, state)))
        self._holdings.all_settled(fates)

    def _divide(self, ended: Sequence[_Ended], error: Exception) -> None:
        """Postgres refuses something of these: find it, so that the others are written."""
        if len(ended) > 1:
            middle = len(ended) // 2
            self._settle(ended[:middle])
            self._settle(ended[middle:])
            return
        [(holding, outcome)] = ended
        self._recorder.refused_settlement(outcome, error)
        # Its lease runs out, and the attempt counts as lost.
        self._holdings.abandon(holding)

    def _written(self, outcomes: Sequence[Outcome]) -> dict[str, Status] | None:
        """The states of the rows; None when the process ends before the ledger answers."""
        while True:
            try:
                states = self._ledger.settle(outcomes)
            except (StoreUnavailable, SchemaError) as away:
                self._breaker.failed(str(away))
                self._recorder.store_away(away)
                if self._giving_up.wait(PAUSE):
                    return None
            else:
                self._breaker.succeeded()
                return states


def fate_of(outcome: Outcome, state: Status | None) -> Disposition:
    """What becomes of the message of a job that was settled so; None: the write was refused."""
    if state is None:
        return KEEP  # whoever holds the job now answers for its message
    if state is Status.PENDING:
        short = outcome.delay <= LONGEST_IN_QUEUE
        return return_after(outcome.delay) if short else ACKNOWLEDGE
    return ACKNOWLEDGE
