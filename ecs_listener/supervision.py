"""Looks at every running job: past its deadline, without a proven lease, told to stop and still there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ecs_listener.holding import Holding, StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.parcel import Parcel
from ecs_listener.telling import Telling
from muster.clock import Clock

#: A job is stopped when its lease may end within this, in seconds, or within a tenth of its length.
LEASE_MARGIN = 5.0

#: A job that was told to stop may tidy up for so long, in seconds: ending a child takes up to 3. Then it is
#: told again each time it is looked at.
PATIENCE = 3.5

#: When it still runs after this, in seconds, it is stuck: only the end of the process stops it.
STUCK_AFTER = 10.0


class Supervision:
    """Stops what must not go on.

    Args:
        limit: after which a function is interrupted; a caller with a means of its own comes before it.
        hold: length of a lease.
        slot_ends: until when a message has its slot, in monotonic seconds; None: it has none.
    """

    def __init__(
        self,
        *,
        limit: timedelta,
        hold: timedelta,
        holdings: Holdings,
        clock: Clock,
        telling: Telling,
        slot_ends: Callable[[Parcel], float | None] = lambda _parcel: None,
    ) -> None:
        self._slot_ends = slot_ends
        self._limit = limit.total_seconds()
        self._margin = min(LEASE_MARGIN, hold.total_seconds() / 10)
        self._holdings = holdings
        self._clock = clock
        self._telling = telling
        #: When they were looked at last.
        self.looked_at = clock.monotonic()
        #: Jobs that do not stop.
        self.stuck: set[Holding] = set()

    def look(self) -> None:
        """Look at all of them once."""
        self.looked_at = now = self._clock.monotonic()
        for holding in self._holdings.holdings():
            if holding.ended:
                continue
            if holding.stop is None:
                reason = self._reason(holding, now)
                if reason is not None and self._holdings.stop(holding, reason, now=now):
                    self._telling.stopping(holding.claim, reason)
            elif holding.interruption is not None:
                self._insist(holding, now)
        self.stuck = {holding for holding in self.stuck if not holding.ended}

    def _reason(self, holding: Holding, now: float) -> StopReason | None:
        if not holding.proven(now, margin=self._margin):
            return StopReason.LEASE_LOST
        slot_ends = self._slot_ends(holding.parcel)
        if slot_ends is not None and slot_ends <= now + self._margin:
            return StopReason.LEASE_LOST
        if holding.started_at is not None and now - holding.started_at >= self._limit:
            return StopReason.TIMEOUT
        return None

    def _insist(self, holding: Holding, now: float) -> None:
        """Its function may have swallowed the interruption: once more."""
        if now - holding.stopped_at < PATIENCE:
            return
        if holding.interruption is not None and not holding.interruption.interrupt():
            return
        waited = now - holding.stopped_at
        if waited >= STUCK_AFTER and holding not in self.stuck:
            self.stuck.add(holding)
            self._telling.stuck(holding.claim, waited)
