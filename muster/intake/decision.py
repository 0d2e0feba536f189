"""What follows for intake from what was metered: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

#: Who has changed intake, when it was the limit.
BUDGET = "budget"


class Change(Enum):
    """What the budget does."""

    STOP = auto()
    RESUME = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """Intake as it is."""

    stopped: bool
    #: `BUDGET`, a person, or None: nobody has changed it yet.
    changed_by: str | None
    #: Until when that holds; None: until it is changed.
    ends_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it has not ended by itself."""
        return self.ends_at is None or now < self.ends_at


def decide(*, spent: float, limit: float | None, now: datetime, present: Present) -> Change | None:
    """What the budget changes; None: nothing.

    What a person has stopped stays so. What a person has resumed against the budget stays so for the month
    that it was stopped for.

    Args:
        spent: metered in the month of `now`.
        limit: from which on nothing is taken; None: there is none.
    """
    by_person = present.changed_by not in (None, BUDGET)
    overruled = present.ends_at is not None and present.holds(now)
    if by_person and (present.stopped or overruled):
        return None
    over = limit is not None and spent >= limit
    closed = present.stopped and present.holds(now)
    if over:
        return None if closed else Change.STOP
    return Change.RESUME if present.stopped else None
