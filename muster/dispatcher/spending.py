"""The duty `spending`: intake stops when a month's jobs have cost what the stage lets them.

    hours that are due (counted) -> what they cost (priced) -> decide (pure) -> close or open (guarded)

A tick looks at one row and nothing else while the last look is fresh; so the executions behind a month are
read an hour at a time, every few minutes, and not all of them again.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from muster.cost.usage import Size, cost
from muster.intake.decision import Change, decide
from muster.intake.limit import IntakeLimit
from muster.store.connection import Database
from muster.store.intake import Intake, Look

#: What was metered is looked at this often, whatever the ticks.
PAUSE = timedelta(minutes=5)

#: An hour is counted again when it has become older by one part in so many.
PARTS = 12

#: Hours that one statement counts.
PAGE = 2


class Spending:
    """What it does with one database."""

    def __init__(
        self, *, database: Database, limit: IntakeLimit | None, log: logging.Logger
    ) -> None:
        self._intake = Intake(database)
        self._limit = limit
        self._log = log

    def page(self) -> int:
        """Count some hours; when none is due, decide."""
        usd = None if self._limit is None else self._limit.monthly_usd
        look = self._intake.look(limit=usd, pause=PAUSE)
        if self._limit is None:
            self._decide(look, spent=0.0)
            return 0
        if look.fresh:
            return 0
        counted = self._intake.count_hours(pause=PAUSE, parts=PARTS, page=PAGE)
        if not counted:
            spent = self._spent(self._limit)
            self._intake.checked(spent=spent, limit=self._limit.monthly_usd)
            self._decide(look, spent=spent)
        return counted

    def _spent(self, limit: IntakeLimit) -> float:
        return sum(
            cost(
                usage, Size.of_manifest(manifest, architecture=limit.architecture), limit.prices
            ).total
            for manifest, usage in self._intake.month()
        )

    def _decide(self, look: Look, *, spent: float) -> None:
        usd = None if self._limit is None else self._limit.monthly_usd
        change = decide(spent=spent, limit=usd, now=look.now, present=look.present)
        if change is None:
            return
        stop = change is Change.STOP
        reason = f"{spent:.2f} $ were metered this month; the stage's limit is {usd} $"
        if self._intake.decided(look, stop=stop, reason=reason if stop else None):
            told = {"spent_usd": spent, "limit_usd": usd}
            self._log.warning("intake stopped" if stop else "intake resumed", extra=told)
