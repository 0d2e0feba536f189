"""Slots of an agent whose concurrency is counted over all of its tasks: one for each message that runs."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from datetime import timedelta

from ecs_listener.parcel import Parcel
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import StoreUnavailable
from muster.store.slots import Slot, Slots

#: A message that waits for a slot asks again at least this often, in seconds: so its lane keeps its place.
ASK_AGAIN = 0.5

#: For so long after it was taken, in seconds, the next message may have a slot that one has left: short jobs
#: cost few statements. Then others that wait in line have their turn.
REUSE = 5.0

#: A slot that no message has for this long, in seconds, is given back.
SPARE = 0.5


@dataclass(kw_only=True, slots=True, eq=False)
class _Tenure:
    """A slot while this process has it. Times are monotonic seconds."""

    slot: Slot
    taken_at: float
    left_at: float = 0.0


class SlotKeeper:
    """Takes, renews and gives back slots.

    Args:
        capacity: slots of the agent; 0: none are needed.
        holder: prefix of the names under which they are held, the process's own.
    """

    def __init__(
        self,
        *,
        slots: Slots,
        agent_id: str,
        capacity: int,
        holder: str,
        lease: timedelta,
        clock: Clock,
        telling: Telling,
    ) -> None:
        self._slots = slots
        self._agent_id = agent_id
        self._capacity = capacity
        self._holder = holder
        self._lease = lease
        self._clock = clock
        self._telling = telling
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._held: dict[Parcel, _Tenure] = {}
        self._spare: list[_Tenure] = []

    def take(self, parcel: Parcel) -> float | None:
        """Take a slot for the message unless it has one; seconds after which to ask again, None: it has.

        Raises:
            StoreUnavailable: no answer; asking again is safe.
        """
        if not self._capacity or parcel in self._held:
            return None
        tenure = self._reused()
        if tenure is None:
            if parcel.holder is None:
                parcel.holder = f"{self._holder}:{next(self._numbers)}"
            answer = self._slots.take(
                agent_id=self._agent_id,
                lane=parcel.lane,
                holder=parcel.holder,
                capacity=self._capacity,
                lease=self._lease,
            )
            if not isinstance(answer, Slot):
                return min(ASK_AGAIN, answer.wait.total_seconds())
            tenure = _Tenure(slot=answer, taken_at=self._clock.monotonic())
        with self._lock:
            self._held[parcel] = tenure
        return None

    def ends(self, parcel: Parcel) -> float | None:
        """Until when the message has its slot, in monotonic seconds; None: it has none."""
        tenure = self._held.get(parcel)
        return None if tenure is None else tenure.slot.ends

    def release(self, parcel: Parcel) -> None:
        """The message runs nothing any more; its slot may serve the next one."""
        if parcel not in self._held:
            return
        with self._lock:
            tenure = self._held.pop(parcel, None)
            if tenure is None:
                return
            tenure.left_at = self._clock.monotonic()
            self._spare.append(tenure)

    def holder(self, parcel: Parcel) -> str | None:
        """The name under which the message has its slot; None: it has none."""
        tenure = self._held.get(parcel)
        return None if tenure is None else tenure.slot.holder

    def forget(self, parcel: Parcel) -> None:
        """Another process has the message's slot from now on."""
        with self._lock:
            self._held.pop(parcel, None)

    def look(self) -> None:
        """Called regularly: gives back what no message has taken over."""
        now = self._clock.monotonic()
        with self._lock:
            stale = [t for t in self._spare if now - t.left_at >= SPARE or self._worn(t, now)]
            self._spare = [t for t in self._spare if t not in stale]
        self._give_back(stale)

    def end(self) -> None:
        """Give back everything."""
        with self._lock:
            left = [*self._spare, *self._held.values()]
            self._spare, self._held = [], {}
        self._give_back(left)

    def renew(self, *, due_within: float) -> set[Parcel]:
        """Put off the end of the slots that end within so many seconds; the messages whose slot is lost."""
        until = self._clock.monotonic() + due_within
        with self._lock:
            due = {parcel: t for parcel, t in self._held.items() if t.slot.ends <= until}
        if not due:
            return set()
        try:
            kept = self._slots.renew([t.slot for t in due.values()], lease=self._lease)
        except StoreUnavailable as away:
            self._telling.trouble("slots not renewed", away)
            now = self._clock.monotonic()
            return {parcel for parcel, tenure in due.items() if tenure.slot.ends <= now}
        by_holder = {slot.holder: slot for slot in kept}
        lost: set[Parcel] = set()
        with self._lock:
            for parcel, tenure in due.items():
                slot = by_holder.get(tenure.slot.holder)
                if slot is not None:
                    tenure.slot = slot
                elif parcel in self._held:
                    lost.add(parcel)
        return lost

    def _reused(self) -> _Tenure | None:
        now = self._clock.monotonic()
        with self._lock:
            for at, tenure in enumerate(self._spare):
                if not self._worn(tenure, now):
                    return self._spare.pop(at)
        return None

    def _give_back(self, tenures: list[_Tenure]) -> None:
        if not tenures:
            return
        try:
            self._slots.release([tenure.slot for tenure in tenures])
        except StoreUnavailable as away:
            self._telling.trouble("slots not released, they are free when they end", away)

    def _worn(self, tenure: _Tenure, now: float) -> bool:
        """Whether the next message needs a slot of its own: its turn is over, or soon the slot itself is."""
        short = tenure.slot.ends - now < self._lease.total_seconds() / 2
        return short or now - tenure.taken_at >= REUSE
