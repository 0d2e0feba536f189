"""One claimed job in this process, from its claim to its settlement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ecs_listener.interruption import Interruption
from ecs_listener.parcel import Parcel
from muster.execution.arrival import Arrival
from muster.model import Claim


class StopReason(StrEnum):
    """Why a job is stopped before its function ends by itself."""

    TIMEOUT = "timeout"
    CANCEL = "requested"
    HAND_BACK = "handed_back"
    LEASE_LOST = "lease_lost"


@dataclass(kw_only=True, slots=True, eq=False)
class Holding:
    """A job that this process holds. Times are monotonic seconds."""

    claim: Claim
    arrival: Arrival
    parcel: Parcel
    #: Until then no other worker can have taken the job: measured from before the claim or renewal was sent.
    proven_until: float
    #: A task was launched for it, and is about to take it over.
    launched: bool = False
    #: When its function was called; None: not yet.
    started_at: float | None = None
    #: Its function has returned or was stopped; the outcome is on its way into the ledger.
    ended: bool = False
    #: Set by whoever stops it first.
    stop: StopReason | None = None
    stopped_at: float = 0.0
    #: How to reach into its thread while its function runs.
    interruption: Interruption | None = None

    def proven(self, now: float, *, margin: float) -> bool:
        """Whether the lease still holds `margin` seconds from now."""
        return now + margin < self.proven_until
