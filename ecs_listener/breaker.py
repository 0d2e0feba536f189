"""Stops receiving while the ledger is away: a message that cannot be recorded is better left in its queue."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from muster.clock import Clock

#: Pause before the first probe, in seconds; it doubles up to the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


class Breaker:
    """Open while what it watches does not answer; whoever probes says when it answers again.

    Args:
        changed: called when it opens or closes, with what is wrong; None: nothing.
        jitter: a number in 0..1, anew at each call.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        changed: Callable[[str | None], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._jitter = jitter
        self._lock = threading.Lock()
        self._pause = FIRST_PAUSE
        self._probe_at = 0.0
        self._problem: str | None = None

    @property
    def closed(self) -> bool:
        """Whether work may start."""
        return self._problem is None

    @property
    def problem(self) -> str | None:
        """What is wrong."""
        return self._problem

    def failed(self, problem: str) -> None:
        """A call had no answer."""
        with self._lock:
            opened = self._problem is None
            if opened:
                self._pause = FIRST_PAUSE
            self._problem = problem
            self._probe_at = self._clock.monotonic() + self._pause * (0.5 + self._jitter() / 2)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if opened:
            self._changed(problem)

    def succeeded(self) -> None:
        """A call was answered."""
        if self.closed:
            return  # without the lock: nearly every call ends here
        with self._lock:
            closes = not self.closed
            self._problem = None
        if closes:
            self._changed(None)

    def probe_in(self) -> float | None:
        """Seconds until it is worth asking again; None: nothing to ask, it is closed."""
        if self._problem is None:
            return None
        return max(0.0, self._probe_at - self._clock.monotonic())
