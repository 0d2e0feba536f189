"""Stops an agent's function at its deadline, where the platform can: in the main thread, by a signal."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Any

#: A function that swallows the first signal gets another, this many seconds later.
_INSIST_SECONDS = 1.0

#: How many frames the calls of `__enter__` and `__exit__` may be deep.
_DEPTH = 5


class DeadlineReached(BaseException):
    """The attempt ran out of time; no `except Exception` of an agent swallows it."""


def deadline(limit: timedelta) -> AbstractContextManager[None]:
    """Raise `DeadlineReached` inside the block after `limit`.

    Outside the main thread nothing is raised: there the host stops the worker as a whole.
    """
    return _Deadline(limit)


class _Deadline(AbstractContextManager[None]):
    """Armed between entry and exit. While these two run nothing is raised, so that both come to their end."""

    def __init__(self, limit: timedelta) -> None:
        self._limit = limit
        self._former: Any = None
        self._armed = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGALRM, self._reached)
            self._armed = True
            signal.setitimer(signal.ITIMER_REAL, self._limit.total_seconds(), _INSIST_SECONDS)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._armed:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._former)

    def _reached(self, _signal: int, frame: FrameType | None) -> None:
        depth = 0
        while frame is not None and depth < _DEPTH:
            if frame.f_code in _MECHANICS:
                return
            frame, depth = frame.f_back, depth + 1
        if self._armed:
            raise DeadlineReached


_MECHANICS = {_Deadline.__enter__.__code__, _Deadline.__exit__.__code__}
