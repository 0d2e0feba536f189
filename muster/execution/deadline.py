"""Stops an agent's function at its deadline, where the platform can: in the main thread, by a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

#: A function that swallows the first signal gets another, this many seconds later.
_INSIST_SECONDS = 1.0


class DeadlineReached(BaseException):
    """The attempt ran out of time; no `except Exception` of an agent swallows it."""


@contextmanager
def deadline(limit: timedelta) -> Generator[None]:
    """Raise `DeadlineReached` inside the block after `limit`.

    Outside the main thread nothing is raised: there the host stops the worker as a whole.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def reached(_signal: int, _frame: FrameType | None) -> None:
        if armed:
            raise DeadlineReached

    former = signal.signal(signal.SIGALRM, reached)
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds(), _INSIST_SECONDS)
    try:
        try:
            yield
        finally:
            armed = False
    finally:
        # Reached also by a signal that struck just before it was disarmed; the next is a second away.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
