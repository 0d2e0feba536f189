"""Work that waits for a thread, handed out with as few awakened threads as the work allows.

Waking a thread costs more than many a job takes. So at most one thread is on its way at any time: when it
arrives and there is more to do, it calls the next. Jobs that wait for something start as fast as threads can
be called one after the other; jobs that are over at once are all done by the few that are awake anyway.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Ready(Generic[_T]):
    """What waits, oldest first."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[_T] = deque()
        self._idle = 0
        self._called = False

    def put(self, *works: _T) -> None:
        """Hand these to threads as soon as some are free."""
        with self._changed:
            self._waiting.extend(works)
            if works:
                self._call()

    def get(self) -> _T:
        """The next work, once there is some."""
        with self._changed:
            while not self._waiting:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
                # The only one that is called is the one that has come.
                self._called = False
            work = self._waiting.popleft()
            if self._waiting:
                self._call()
            return work

    def _call(self) -> None:
        if self._idle and not self._called:
            self._called = True
            self._changed.notify()
