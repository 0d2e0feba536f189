"""What is known of one lane: is there more in it, who asks it at the moment, how much did it get."""

from __future__ import annotations

from dataclasses import dataclass

#: Shares of lanes that all have messages; the manifest's lanes, most urgent first.
WEIGHTS = {"urgent": 16, "critical": 8, "high": 4, "normal": 2, "low": 1}


@dataclass(kw_only=True, slots=True)
class LaneState:
    """One lane. Times are monotonic seconds."""

    name: str
    queue_url: str
    #: The last receive brought something.
    hot: bool = False
    #: The last receive brought all that it asked for: there is more.
    full: bool = False
    #: Receives under way.
    polls: int = 0
    #: Messages received so far, over the lane's weight; the lane with the least is next.
    received: float = 0.0
    #: When it was asked last.
    asked_at: float = 0.0
    #: It is left alone until then, because SQS did not answer.
    resting_until: float = 0.0
    #: Failures since the last answer.
    failures: int = 0

    @property
    def weight(self) -> int:
        """Its share; a lane of another name gets that of `normal`."""
        return WEIGHTS.get(self.name, WEIGHTS["normal"])
