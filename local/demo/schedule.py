"""A schedule that the deployed tick fires: nobody calls the dispatcher for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from muster.model import Status

#: The agent that only its schedule starts, and the schedule's name.
AGENT, SCHEDULE = "keeps-time", "often"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire:
    """One planned time of the schedule, and what became of it."""

    status: Status
    scheduled_for: datetime
    started_at: datetime | None
    result: Any

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Fire:
        return cls(**{**row, "status": Status(row["status"])})


@dataclass(kw_only=True, slots=True)
class Schedule:
    """Watches the schedule's fires that are planned after `begun`.

    Once `recorded`, others may call the dispatcher: what the deployed tick alone had to do is done.
    """

    read: Callable[[], list[Fire]]
    begun: datetime
    #: Fires that were in the ledger before anybody but EventBridge Scheduler called the dispatcher.
    _own: list[datetime] = field(default_factory=list[datetime])

    what = "a fire of a schedule"

    @property
    def recorded(self) -> bool:
        """Whether the deployed tick has recorded a fire by itself; asks the ledger until it has."""
        if not self._own:
            self._own = [fire.scheduled_for for fire in self._planned()]
        return bool(self._own)

    def over(self) -> bool:
        return self.recorded and any(fire.status.terminal for fire in self._fires())

    def problems(self) -> list[str]:
        ended = [fire for fire in self._fires() if fire.status.terminal]
        if not ended:
            return [f"{AGENT} ({self.what}): no fire ended"]
        return [f"{AGENT} ({self.what}): {problem}" for fire in ended for problem in wrong(fire)]

    @property
    def fired(self) -> int:
        """How many of them have ended."""
        return sum(fire.status.terminal for fire in self._fires())

    def _planned(self) -> list[Fire]:
        return [fire for fire in self.read() if fire.scheduled_for >= self.begun]

    def _fires(self) -> list[Fire]:
        return [fire for fire in self._planned() if fire.scheduled_for in self._own]


def wrong(fire: Fire) -> Iterator[str]:
    """What is not as it must be of a fire that ended."""
    at = fire.scheduled_for.isoformat()
    if fire.status is not Status.COMPLETED:
        yield f"the fire of {at} is {fire.status} instead of {Status.COMPLETED}"
        return
    if fire.started_at is None or fire.started_at < fire.scheduled_for:
        yield f"the fire of {at} started early: {fire.started_at}"
    if (fire.result or {}).get("greeting") != "hello":
        yield f"the fire of {at} was not given what its schedule says: {fire.result}"
