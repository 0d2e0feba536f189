"""The service's clock, as far as its answers tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

#: A signature holds for 15 minutes: clocks that differ by less than this, in seconds, cause no refusal.
TOLERANCE = 240


class ServiceClock:
    """This machine's clock, corrected by the service's when the two were seen to differ.

    Args:
        local: seconds since 1970 by this machine's clock.
    """

    def __init__(self, *, local: Callable[[], float] = time.time) -> None:
        self._local = local
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970 by the service's clock."""
        return self._local() + self._ahead

    def correct(self, date: bytes | None) -> bool:
        """Take over the `Date` of a refusal; whether that changed anything.

        Args:
            date: the header, as HTTP writes dates.
        """
        if date is None:
            return False
        try:
            theirs = parsedate_to_datetime(date.decode("latin-1"))
        except ValueError:
            return False
        seconds = (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).timestamp()
        # What counts is the correction in force: a machine whose clock was set right again needs its removal.
        if abs(seconds - self.now()) < TOLERANCE:
            return False
        self._ahead = seconds - self._local()
        return True
