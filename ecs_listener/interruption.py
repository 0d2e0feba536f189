"""Stops a function that runs in another thread of this process, as far as Python can.

`PyThreadState_SetAsyncExc` raises an exception in a thread when it next runs Python code: a function that
computes in Python or waits in slices stops at once, one that sits in a long system call when that returns.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from muster.isolation.interrupted import Interrupted

_T = TypeVar("_T")


class Interruption:
    """One stretch of code in one thread that other threads may interrupt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._asked = False

    def run(self, function: Callable[[], _T]) -> _T:
        """Call the function; `interrupt` makes it end.

        Raises:
            Interrupted: it was interrupted, at whatever moment before its result was handed over.
        """
        raised: BaseException | None = None
        result: list[_T] = []
        try:
            self._open()
            result.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again once no interruption can follow
            raised = error
        # An interruption that is under way lands in here, and nowhere later.
        while True:
            try:
                self._close()
                break
            except Interrupted as late:
                raised = late
        if raised is not None:
            raise raised
        return result[0]

    def interrupt(self) -> bool:
        """Raise `Interrupted` in the thread; false when there is nothing to interrupt (any more).

        If the function has not been called yet, it will not be.
        """
        with self._lock:
            self._asked = True
            if self._thread is None:
                return False
            _raise_in(self._thread, Interrupted)
            return True

    def _open(self) -> None:
        with self._lock:
            if self._asked:
                raise Interrupted
            self._thread = threading.get_ident()

    def _close(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None and self._asked:
                _raise_in(thread, None)


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    """Raise it there; None withdraws one that is not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if exception is None else ctypes.py_object(exception)
    )
