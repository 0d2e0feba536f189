"""Everything that this process holds: messages and claimed jobs, under one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from ecs_listener.holding import Holding, StopReason
from ecs_listener.interruption import Interruption
from ecs_listener.parcel import Parcel
from muster.execution.disposition import KEEP, Disposition, return_after
from muster.model import Message


class Holdings:
    """The registry of parcels and holdings.

    Args:
        left: called when a message gives its place back.
        dispose: called with a message whose fate is decided.
    """

    def __init__(
        self, *, left: Callable[[], None], dispose: Callable[[Parcel, Disposition], None]
    ) -> None:
        self._left = left
        self._dispose = dispose
        self._lock = threading.Lock()
        self._parcels: set[Parcel] = set()
        # By identity: a job that was lost may be claimed anew before its first attempt has let go.
        self._holdings: set[Holding] = set()
        self._fewer = threading.Condition(self._lock)

    def __len__(self) -> int:
        """Messages held."""
        return len(self._parcels)

    @property
    def running(self) -> int:
        """Jobs whose function runs."""
        with self._lock:
            return sum(h.started_at is not None and not h.ended for h in self._holdings)

    def receive(
        self, messages: Sequence[Message], *, lane: str, queue_url: str, visible_at: float
    ) -> list[Parcel]:
        """Hold these messages; each has a place."""
        parcels = [
            Parcel(message=message, lane=lane, queue_url=queue_url, visible_at=visible_at)
            for message in messages
        ]
        with self._lock:
            self._parcels.update(parcels)
        return parcels

    def expect(self, parcel: Parcel, jobs: int) -> None:
        """The message asks for this many jobs."""
        parcel.open = parcel.unended = jobs

    def hold(self, holdings: Iterable[Holding]) -> None:
        """These jobs are claimed."""
        with self._lock:
            self._holdings.update(holdings)

    def begin(self, holding: Holding, interruption: Interruption, *, now: float) -> bool:
        """Its function is called now; false when it was stopped before."""
        with self._lock:
            if holding.stop is not None:
                return False
            holding.interruption = interruption
            holding.started_at = now
            return True

    def ended(self, holding: Holding) -> None:
        """Its function has ended: another message may have its place."""
        with self._lock:
            holding.ended = True
            left = self._end_one(holding.parcel)
        if left:
            self._left()

    def settled(self, holding: Holding, fate: Disposition) -> None:
        """Its outcome is written, or somebody else's business."""
        self.all_settled([(holding, fate)])

    def all_settled(self, fates: Sequence[tuple[Holding, Disposition]]) -> None:
        """The same of several that one statement wrote."""
        with self._lock:
            done = [holding.parcel for holding, fate in fates if self._decide(holding.parcel, fate)]
            self._holdings.difference_update([holding for holding, _ in fates])
            if done:
                self._fewer.notify_all()
        for parcel in done:
            self._dispose(parcel, parcel.together())

    def abandon(self, holding: Holding) -> None:
        """It is no longer this process's: its message is left to its visibility."""
        self.settled(holding, KEEP)

    def decide(self, parcel: Parcel, fate: Disposition) -> None:
        """One job of the message is decided without being run."""
        with self._lock:
            left = self._end_one(parcel)
            done = self._decide(parcel, fate)
            if done:
                self._fewer.notify_all()
        if left:
            self._left()
        if done:
            self._dispose(parcel, parcel.together())

    def drop(self, parcel: Parcel, fate: Disposition) -> None:
        """The whole message is decided; none of its jobs was claimed."""
        with self._lock:
            self._parcels.discard(parcel)
            self._fewer.notify_all()
        self._left()
        self._dispose(parcel, fate)

    def parcels(self) -> list[Parcel]:
        """Messages held now."""
        with self._lock:
            return list(self._parcels)

    def holdings(self) -> list[Holding]:
        """Jobs held now, settled ones not."""
        with self._lock:
            return list(self._holdings)

    def stop(self, holding: Holding, reason: StopReason, *, now: float) -> bool:
        """Stop a job for this reason unless it has ended or is being stopped already."""
        with self._lock:
            if holding.ended or holding.stop is not None:
                return False
            holding.stop = reason
            holding.stopped_at = now
            interruption = holding.interruption
        if interruption is not None:
            interruption.interrupt()
        return True

    def put_back(self, parcel: Parcel) -> None:
        """The whole message is for another process, at once."""
        self.drop(parcel, return_after(timedelta(0)))

    def wait_until_fewer(self, seconds: float) -> None:
        """Wait until a message leaves, at most this long."""
        with self._lock:
            self._fewer.wait(seconds)

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait until no message is held; false when that took too long."""
        with self._lock:
            return self._fewer.wait_for(lambda: not self._parcels, timeout=seconds)

    def _end_one(self, parcel: Parcel) -> bool:
        parcel.unended -= 1
        return parcel.unended == 0

    def _decide(self, parcel: Parcel, fate: Disposition) -> bool:
        parcel.fates.append(fate)
        parcel.open -= 1
        if parcel.open:
            return False
        self._parcels.discard(parcel)
        return True
