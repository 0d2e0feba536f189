"""Whether the stage takes jobs, on one connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from muster.cost.usage import Usage
from muster.intake.decision import Present
from muster.store.connection import Database
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """Why the doors are closed."""

    reason: str
    changed_by: str
    #: Until they open by themselves; None: until somebody opens them.
    seconds_left: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Intake at a moment."""

    present: Present
    #: The database's time, and when its month ends.
    now: datetime
    month_ends: datetime
    #: Whether what was metered was looked at lately, under the same limit.
    fresh: bool


class Intake:
    """Its tables. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("intake")

    def stopped(self) -> Stopped | None:
        """Why the doors are closed; None: they are open."""
        for reason, changed_by, seconds_left in self._database.run(self._sql["intake_stopped"]):
            return Stopped(reason=reason, changed_by=changed_by, seconds_left=seconds_left)
        return None

    def look(self, *, limit: float | None, pause: timedelta) -> Look:
        """How it is now.

        Args:
            pause: what was metered longer ago is not fresh.
        """
        asked = {"limit": limit, "pause_seconds": pause.total_seconds()}
        [row] = self._database.run(self._sql["intake_now"], asked)
        stopped, changed_by, ends_at, now, month_ends, fresh = row
        present = Present(stopped=stopped, changed_by=changed_by, ends_at=ends_at)
        return Look(present=present, now=now, month_ends=month_ends, fresh=fresh)

    def count_hours(self, *, pause: timedelta, parts: int, page: int) -> int:
        """Count a page of hours that are due; how many were."""
        asked = {"pause_seconds": pause.total_seconds(), "parts": parts, "page": page}
        [(count,)] = self._database.run(self._sql["count_hours"], asked)
        return int(count)

    def month(self) -> Iterator[tuple[Any, Usage]]:
        """Manifests with what was metered of their jobs this month, as its hours were counted."""
        rows = self._database.run(self._sql["usage_of_month"])
        for manifest, attempts, seconds, input_tokens, output_tokens in rows:
            yield (
                manifest,
                Usage(
                    attempts=attempts,
                    seconds=seconds,
                    input_tokens=input_tokens,
                    output_tokens=output_tokens,
                ),
            )

    def checked(self, *, spent: float, limit: float) -> None:
        """Note what was metered."""
        self._database.run(self._sql["intake_checked"], {"spent": spent, "limit": limit})

    def decided(self, look: Look, *, stop: bool, reason: str | None) -> bool:
        """Close the doors for the month, or open them, as the budget; False: somebody was quicker."""
        was = look.present
        asked = {
            "stop": stop,
            "reason": reason,
            "ends_at": look.month_ends if stop else None,
            "was_stopped": was.stopped,
            "was_by": was.changed_by,
            "was_ends_at": was.ends_at,
        }
        return bool(self._database.run(self._sql["intake_decided"], asked))
