"""A clock that tests move: real time plus what was skipped."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Timepiece:
    """Goes like the machine's clock, and ahead of it by what `skip` or a `sleep` added."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skipped)

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds

    def skip(self, time: timedelta) -> None:
        """Go ahead at once."""
        self.skipped += time.total_seconds()
