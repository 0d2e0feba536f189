"""Clocks of tests: one that they move, and one that tells what it was asked for."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from muster.clock import SystemClock


class Timepiece:
    """Goes like the machine's clock, and ahead of it by what `skip` or a `sleep` added.

    Args:
        stopped: move on by what is added only; how long this machine takes for anything is not seen.
    """

    def __init__(self, *, stopped: bool = False) -> None:
        self.skipped = 0.0
        self._stopped: tuple[datetime, float] | None = None
        if stopped:
            self.stop()

    def stop(self) -> None:
        """Move on by what is added only, from now on. Whole seconds: sums of what is added stay exact."""
        now, seconds = self._machine()
        self._stopped = (now, float(round(seconds)))

    def now(self) -> datetime:
        return self._machine()[0] + timedelta(seconds=self.skipped)

    def monotonic(self) -> float:
        return self._machine()[1] + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds

    def skip(self, time: timedelta) -> None:
        """Go ahead at once."""
        self.skipped += time.total_seconds()

    def _machine(self) -> tuple[datetime, float]:
        return self._stopped or (datetime.now(UTC), time.monotonic())


class Waits(SystemClock):
    """The machine's own time, and how many seconds of it were to be waited for."""

    waited = 0.0

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        super().sleep(seconds)
