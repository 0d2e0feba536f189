"""What a listener consists of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ecs_listener.breaker import Breaker
from ecs_listener.burying import Burying
from ecs_listener.deployment import Deployment
from ecs_listener.disposal import Disposal
from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from ecs_listener.intake import Intake
from ecs_listener.presence import Presence
from ecs_listener.protection import Protection
from ecs_listener.renewal import Renewal
from ecs_listener.settlement import Settlement
from ecs_listener.slot_keeper import SlotKeeper
from ecs_listener.supervision import Supervision
from muster.model import Claim, Outcome


class Receiving(Protocol):
    """Where work comes from: lanes, or the one errand of a launched task."""

    @property
    def problems(self) -> Mapping[str, str]:
        """Lane -> what is wrong with it."""
        ...

    def threads(self, *, room: int) -> int:
        """How many threads are worth having for this many places."""
        ...

    def left(self) -> None:
        """A message gave its place back."""
        ...

    def look(self) -> None:
        """Something has changed."""
        ...

    def end(self) -> None:
        """Ask for nothing more."""
        ...

    def run(self) -> None:
        """Receive until the end."""
        ...


class Doing(Protocol):
    """What becomes of claimed jobs: they run here, or a task is launched for them."""

    def put(self, messages: Sequence[Sequence[Holding]]) -> None:
        """Do the jobs of each of these messages."""
        ...

    def timeout_outcome(self, claim: Claim) -> Outcome:
        """How a job is recorded that ran too long and does not stop."""
        ...

    def run(self) -> None:
        """Work until the process ends."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a listener consists of."""

    polling: Receiving
    intake: Intake
    running: Doing
    settlement: Settlement
    burying: Burying
    disposal: Disposal
    renewal: Renewal
    presence: Presence
    supervision: Supervision
    slots: SlotKeeper
    holdings: Holdings
    breaker: Breaker
    protection: Protection
    deployment: Deployment
