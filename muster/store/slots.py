"""Slots: exact concurrency, counted in Postgres where event sources and tasks cannot express the number.

Whoever holds a slot may run one job at a time until the slot ends. A holder that is gone keeps its slot until
then, and no longer. The times below are the worker's own monotonic clock, read before the statement was sent:
the slot ends no earlier in the database than the worker believes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from muster.clock import Clock, SystemClock
from muster.lane import rank
from muster.store.connection import Database
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """The right to run one job at a time."""

    agent_id: str
    #: 1 to the agent's concurrency.
    number: int
    #: Who has it: one name has one slot.
    holder: str
    #: Monotonic time; no job may run on past it.
    ends: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """All slots are held, or kept for a lane that has waited longer or is more urgent."""

    #: Come again after this, with the same message: it keeps its place, and gets the next slot once it has
    #: waited for 15 s.
    wait: timedelta


class Slots:
    """The slots of one database's agents, seen by one worker process."""

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._sql = statements("slots")

    def take(
        self,
        *,
        agent_id: str,
        lane: str,
        holder: str,
        capacity: int,
        lease: timedelta,
        sent_at: datetime | None = None,
    ) -> Slot | Refused:
        """Take one of the agent's `capacity` slots for `lease`.

        Within a lane the oldest message comes first once it has waited for 15 s: `sent_at` is when the oldest
        one at hand was sent, None: just now.

        Asking again under the same `holder` renews its slot, so a lost reply costs nothing. To wait at the
        spot, ask again at least every second: a more urgent lane that is there goes before the others.

        Raises:
            StoreUnavailable: it is not known whether a slot was taken; asking again is safe.
        """
        asked = self._clock.monotonic()
        rows = self._database.run(
            self._sql["take_slot"],
            {
                "agent_id": agent_id,
                "lane": lane,
                "rank": rank(lane),
                "holder": holder,
                "sent_at": sent_at,
                "capacity": capacity,
                "lease_seconds": lease.total_seconds(),
            },
        )
        number, wait_seconds = rows[0]
        if number is None:
            return Refused(wait=timedelta(seconds=wait_seconds))
        ends = asked + lease.total_seconds()
        return Slot(agent_id=agent_id, number=number, holder=holder, ends=ends)

    def renew(self, slots: Sequence[Slot], *, lease: timedelta) -> list[Slot]:
        """Put off the end of one agent's slots; what is missing from the answer is lost: stop its job.

        Raises:
            StoreUnavailable: it is not known whether they were renewed; they end when they said.
        """
        if not slots:
            return []
        asked = self._clock.monotonic()
        rows = self._database.run(
            self._sql["renew_slots"],
            {
                "agent_id": slots[0].agent_id,
                "holders": [slot.holder for slot in slots],
                "lease_seconds": lease.total_seconds(),
            },
        )
        kept = {holder for (holder,) in rows}
        ends = asked + lease.total_seconds()
        return [
            Slot(agent_id=s.agent_id, number=s.number, holder=s.holder, ends=ends)
            for s in slots
            if s.holder in kept
        ]

    def release(self, slots: Sequence[Slot]) -> None:
        """Free one agent's slots; freeing them twice is harmless.

        Raises:
            StoreUnavailable: it is not known whether they are free; they are once they end.
        """
        if slots:
            self._database.run(
                self._sql["release_slots"],
                {"agent_id": slots[0].agent_id, "holders": [slot.holder for slot in slots]},
            )
