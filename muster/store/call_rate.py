"""How fast somebody may call, over all processes: the generic cell rate algorithm, in one statement."""

from __future__ import annotations

import math
from dataclasses import dataclass

from muster.store.connection import Database
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """So many calls a second, and so many at once after a rest."""

    per_second: float
    burst: int

    @property
    def parameters(self) -> dict[str, float]:
        """What the statements are told of it."""
        interval = 1 / self.per_second
        return {
            "interval_seconds": interval,
            "ahead_seconds": interval * (self.burst - 1),
        }


class CallRate:
    """The table on one connection."""

    def __init__(self, database: Database, *, rate: Rate) -> None:
        self._database = database
        self._rate = rate
        self._sql = statements("call_rate")

    def take(self, subject: str) -> int:
        """Count one call; 0 when it is within the rate, else the seconds to wait, and it is not counted.

        Raises:
            StoreUnavailable: no answer in time.
        """
        wanted = {"subject": subject, **self._rate.parameters}
        return 0 if self._database.run(self._sql["take_call"], wanted) else self.wait(subject)

    def wait(self, subject: str) -> int:
        """Seconds until a subject that was refused may call again.

        Raises:
            StoreUnavailable: no answer in time.
        """
        wanted = {"subject": subject, **self._rate.parameters}
        rows = self._database.run(self._sql["call_wait"], wanted)
        return max(1, math.ceil(rows[0][0])) if rows else 1
