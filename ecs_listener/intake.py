"""Understands and claims what was received: one statement for all that came together."""

from __future__ import annotations

import heapq
import itertools
import queue
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import psycopg2

from ecs_listener.breaker import Breaker
from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from ecs_listener.parcel import Parcel
from ecs_listener.slot_keeper import SlotKeeper
from muster.clock import Clock
from muster.crashpoint import crashpoint
from muster.errors import MusterError, StoreUnavailable
from muster.execution.arrival import Arrival, arrivals_of
from muster.execution.disposition import ACKNOWLEDGE, KEEP, return_after
from muster.execution.record import Recorder
from muster.execution.worker import WAIT_OUT
from muster.model import Claimant, Failure, Judgement, Verdict
from muster.store.ledger import Ledger
from muster.store.migration import SchemaError

#: Messages that are claimed by one statement.
MOST_AT_ONCE = 100

#: A message that could not be recorded is shown again within this; by then the ledger may be back.
AWAY = timedelta(seconds=10)

_Asked = tuple[Parcel, Arrival]


class Intake:
    """The one thread that claims.

    Args:
        ready: takes the jobs that may run now, those of one message together.
        bury: takes a failure whose dead letter is owed, with its message.
        prepare: called before each claim; raises StoreUnavailable when nothing can be run.
    """

    def __init__(
        self,
        *,
        claimant: Claimant,
        ledger: Ledger,
        lease: timedelta,
        holdings: Holdings,
        breaker: Breaker,
        recorder: Recorder,
        clock: Clock,
        slots: SlotKeeper,
        ready: Callable[[Sequence[Sequence[Holding]]], None],
        bury: Callable[[Parcel, Failure], None],
        prepare: Callable[[], None],
    ) -> None:
        self._claimant = claimant
        self._ledger = ledger
        self._lease = lease
        self._holdings = holdings
        self._breaker = breaker
        self._recorder = recorder
        self._clock = clock
        self._slots = slots
        self._ready = ready
        self._bury = bury
        self._prepare = prepare
        self._inbox: queue.SimpleQueue[Sequence[Parcel]] = queue.SimpleQueue()
        self._understood: list[_Asked] = []
        self._early: list[tuple[float, int, _Asked]] = []
        self._numbers = itertools.count()
        self._refusing = False

    def put(self, parcels: Sequence[Parcel]) -> None:
        """Claim what these messages ask for, soon."""
        self._inbox.put(parcels)

    def refuse(self) -> None:
        """Claim nothing more: what still comes is put back, and what waits for its second too."""
        self._refusing = True
        self._inbox.put(())

    def run(self) -> None:
        """Claim until the process ends."""
        while True:
            if not self._understood:
                self._wait()
            self._look()
            asked, self._understood = self._due() + self._understood, []
            if asked and self._refusing:
                for parcel, _ in asked:
                    self._holdings.decide(parcel, return_after(timedelta(0)))
            elif asked and (admitted := self._admit(asked)):
                self._claim(admitted)

    def _wait(self) -> None:
        """Until a message comes, or one that was early is due."""
        wait = self._early[0][0] - self._clock.monotonic() if self._early else None
        with suppress(queue.Empty):
            self._understand_all(self._inbox.get(timeout=None if wait is None else max(0.0, wait)))

    def _look(self) -> None:
        """Understand what has come, as much as one statement claims; also while one is under way."""
        with suppress(queue.Empty):
            while len(self._understood) < MOST_AT_ONCE:
                self._understand_all(self._inbox.get_nowait())

    def _understand_all(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            self._understood += self._understand(parcel)

    def _understand(self, parcel: Parcel) -> list[_Asked]:
        arrivals = arrivals_of(parcel.message, agent_id=self._claimant.agent_id)
        if not arrivals:
            self._recorder.idle([parcel.message.message_id])
            self._holdings.drop(parcel, ACKNOWLEDGE)
            return []
        self._holdings.expect(parcel, len(arrivals))
        return [(parcel, arrival) for arrival in arrivals]

    def _due(self) -> list[_Asked]:
        now, due = self._clock.monotonic(), list[_Asked]()
        while self._early and (self._early[0][0] <= now or self._refusing):
            due.append(heapq.heappop(self._early)[2])
        return due

    def _admit(self, asked: list[_Asked]) -> list[_Asked]:
        """What may be claimed now; what has no slot yet asks again a little later."""
        admitted: list[_Asked] = []
        for at, ask in enumerate(asked):
            try:
                wait = self._slots.take(ask[0])
            except (StoreUnavailable, SchemaError) as away:
                # The others would have to wait as long, one after another.
                self._away(asked[at:], away)
                break
            if wait is None:
                admitted.append(ask)
            else:
                self._later(ask, wait)
        return admitted

    def _later(self, ask: _Asked, wait: float) -> None:
        heapq.heappush(self._early, (self._clock.monotonic() + wait, next(self._numbers), ask))

    def _claim(self, asked: list[_Asked]) -> None:
        crashpoint("claim.before")
        sent = self._clock.monotonic()
        try:
            self._prepare()
            judgements = self._ask(asked)
            unknown = [
                (parcel, arrival.without_params())
                for (parcel, arrival), judgement in zip(asked, judgements, strict=True)
                if judgement.verdict is Verdict.UNKNOWN
            ]
            if unknown:
                again = iter(zip(unknown, self._ask(unknown), strict=True))
                pairs = [
                    next(again) if judgement.verdict is Verdict.UNKNOWN else (ask, judgement)
                    for ask, judgement in zip(asked, judgements, strict=True)
                ]
            else:
                pairs = list(zip(asked, judgements, strict=True))
        except (StoreUnavailable, SchemaError) as away:
            self._away(asked, away)
            return
        except psycopg2.Error as error:
            self._divide(asked, error)
            return
        self._breaker.succeeded()
        crashpoint("claim.after")
        holdings = [
            Holding(
                claim=judgement.claim,
                arrival=arrival,
                parcel=parcel,
                proven_until=sent + self._lease.total_seconds(),
            )
            for (parcel, arrival), judgement in pairs
            if judgement.claim is not None
        ]
        self._holdings.hold(holdings)
        for ask, judgement in pairs:
            if judgement.claim is None:
                self._judged(ask, judgement)
        by_message = itertools.groupby(holdings, key=lambda holding: id(holding.parcel))
        self._ready([list(together) for _, together in by_message])

    def _divide(self, asked: list[_Asked], error: Exception) -> None:
        """Postgres refuses something of these: find it, so that the others go on."""
        if len(asked) > 1:
            middle = len(asked) // 2
            self._claim(asked[:middle])
            self._claim(asked[middle:])
            return
        [(parcel, arrival)] = asked
        self._recorder.refused_claim(arrival.delivery, error)
        # It comes again, and ends in the dead-letter queue by SQS's own count.
        self._holdings.decide(parcel, KEEP)

    def _ask(self, asked: Sequence[_Asked]) -> list[Judgement]:
        deliveries = [arrival.delivery for _, arrival in asked]
        return self._ledger.claim(
            deliveries, claimant=self._claimant, lease=self._lease, meanwhile=self._look
        )

    def _judged(self, ask: _Asked, judgement: Judgement) -> None:
        parcel, arrival = ask
        early = judgement.verdict is Verdict.DEFERRED
        if early and judgement.wait <= WAIT_OUT:
            self._later(ask, judgement.wait.total_seconds())
            return
        self._recorder.judged(judgement, arrival.delivery)
        if early:
            self._holdings.decide(parcel, return_after(judgement.wait))
        elif judgement.failure is not None:
            self._bury(parcel, judgement.failure)
        else:
            self._holdings.decide(parcel, ACKNOWLEDGE)

    def _away(self, asked: Sequence[_Asked], away: MusterError) -> None:
        self._breaker.failed(str(away))
        self._recorder.store_away(away)
        for parcel, _ in asked:
            spread = AWAY * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
            self._holdings.decide(parcel, return_after(spread))
