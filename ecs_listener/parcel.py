"""One received message while this process holds it: a message may ask for several jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from muster.execution.disposition import ACKNOWLEDGE, KEEP, Disposition, Fate, return_after
from muster.model import Message


@dataclass(kw_only=True, slots=True, eq=False)
class Parcel:
    """A message, its place in this process, and what its jobs want done with it. Guarded by `Holdings`."""

    message: Message
    lane: str
    queue_url: str
    #: Monotonic time at which SQS may show the message to others.
    visible_at: float
    #: Jobs whose fate is open.
    open: int = 0
    #: Jobs that have not ended yet; the place is given back with the last of them.
    unended: int = 0
    #: The name under which it asks for a slot, where slots are counted.
    holder: str | None = None
    fates: list[Disposition] = field(default_factory=list[Disposition])

    def together(self) -> Disposition:
        """The message goes only when all of its jobs let it go."""
        if len(self.fates) == 1:
            return self.fates[0]
        if any(fate.fate is Fate.KEEP for fate in self.fates):
            return KEEP
        waits: list[timedelta] = [fate.after for fate in self.fates if fate.fate is Fate.RETURN]
        return return_after(min(waits)) if waits else ACKNOWLEDGE
