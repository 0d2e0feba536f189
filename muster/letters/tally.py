"""What a redrive or a purge did with the letters of one queue, or would do."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True, slots=True)
class Tally:
    """Counts of letters; every letter that was seen is counted once."""

    agent_id: str
    dry_run: bool
    #: Sent back to their lane, or archived and deleted.
    done: int = 0
    #: Deleted without more: the job was redriven or has ended since, or it is a copy.
    stale: int = 0
    #: Left: they are not what was asked for.
    others: int = 0
    #: Left: redriven so often already, and failed each time.
    worn_out: int = 0
    #: Left: redriven by this very run, and failed once more.
    again: int = 0
    #: Left: SQS did not take them.
    refused: int = 0
    #: False: the limit or the time ended it before all letters were seen.
    complete: bool = True
    #: The done ones by error.
    errors: Counter[str] = field(default_factory=Counter[str])

    def to_json(self) -> dict[str, Any]:
        """As commands and the API show it."""
        return {**asdict(self), "errors": dict(self.errors.most_common())}
