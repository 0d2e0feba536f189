"""Time that goes on while the machine sleeps: a lease does not wait for a paused task."""

from __future__ import annotations

import time

from muster.clock import SystemClock


class LeaseClock(SystemClock):
    """The machine's own time; its monotonic one counts suspended time too, where the platform tells."""

    def monotonic(self) -> float:
        """Seconds since boot, suspended ones included."""
        return time.clock_gettime(_ID)


_ID: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
