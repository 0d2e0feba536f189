"""Sends dead letters, apart from the settlement so that a slow DLQ holds up nobody."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass

from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from ecs_listener.parcel import Parcel
from muster.errors import StoreUnavailable
from muster.execution.burial import Burial
from muster.execution.disposition import ACKNOWLEDGE, KEEP, Disposition
from muster.execution.record import Recorder
from muster.model import Failure

#: Dead letters of one call.
MOST_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class _Owed:
    failure: Failure
    decide: Callable[[Disposition], None]


class Burying:
    """The one thread that buries."""

    def __init__(self, *, burial: Burial, holdings: Holdings, recorder: Recorder) -> None:
        self._burial = burial
        self._holdings = holdings
        self._recorder = recorder
        self._inbox: queue.SimpleQueue[_Owed | None] = queue.SimpleQueue()

    def settled(self, holding: Holding, failure: Failure) -> None:
        """Bury what was just settled as failed."""
        self._inbox.put(_Owed(failure, lambda fate: self._holdings.settled(holding, fate)))

    def redelivered(self, parcel: Parcel, failure: Failure) -> None:
        """Bury a failure whose dead letter is still owed; its message came again."""
        self._inbox.put(_Owed(failure, lambda fate: self._holdings.decide(parcel, fate)))

    def end(self) -> None:
        """Let the thread end once everything is sent."""
        self._inbox.put(None)

    def run(self) -> None:
        """Bury until the end. What cannot be sent now is sent by a redelivery or the dispatcher."""
        while (owed := self._inbox.get()) is not None:
            batch = [owed]
            while len(batch) < MOST_AT_ONCE:
                try:
                    more = self._inbox.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._inbox.put(None)
                    break
                batch.append(more)
            fate = ACKNOWLEDGE if self._buried(batch) else KEEP
            for each in batch:
                each.decide(fate)

    def _buried(self, batch: list[_Owed]) -> bool:
        try:
            return self._burial.bury([each.failure for each in batch])
        except StoreUnavailable as away:
            self._recorder.store_away(away)
            return False
