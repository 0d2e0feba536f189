"""One moment that everything in a call ends at."""

from __future__ import annotations

from datetime import timedelta

from muster.clock import Clock
from muster.safe_http.refusal import Refused, refusal
from muster.safe_http.verdict import Verdict


class Deadline:
    """Counts down from its making; asked before every wait."""

    def __init__(self, *, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._seconds = seconds
        #: What is being waited for, for the message.
        self.phase = "start"

    @property
    def elapsed(self) -> timedelta:
        return timedelta(seconds=self._clock.monotonic() - self._start)

    def remaining(self) -> float:
        """Seconds that are left.

        Raises:
            Refused: none are.
        """
        left = self._start + self._seconds - self._clock.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> Refused:
        """The verdict when a wait took all that was left."""
        return refusal(
            Verdict.TIMED_OUT, f"The call did not end within {self._seconds:g} s ({self.phase})."
        )
