"""The last of what a job logs, kept with its execution: the log itself may be far away, or expire."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import UTC, datetime
from functools import cache

#: Most of a job's log that is kept over all attempts, in characters.
LONGEST_TAIL = 16_384

#: Longest line, in characters; what is longer is cut.
_LONGEST_LINE = 2_000


class Tail:
    """Lines of one attempt, the last ones."""

    def __init__(self, head: str) -> None:
        self._head = head
        self._lines: deque[str] = deque()
        self._size = 0

    def add(self, line: str) -> None:
        """Keep a line; older ones go when there is too much."""
        cut = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"
        self._lines.append(cut)
        self._size += len(cut) + 1
        while self._size > LONGEST_TAIL and len(self._lines) > 1:
            self._size -= len(self._lines.popleft()) + 1

    def text(self) -> str | None:
        """A line that says whose they are, then the lines; None when nothing was logged."""
        return "\n".join([self._head, *self._lines]) if self._lines else None


class TailHandler(logging.Handler):
    """Gives each record to the tail of the attempt that its thread runs.

    It needs no lock, and takes none: a job's thread may be interrupted at any moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self._current = threading.local()

    def createLock(self) -> None:  # noqa: N802 - the name is logging's
        """There is none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """As every handler does, without a lock."""
        tail: Tail | None = getattr(self._current, "tail", None)
        if tail is not None:
            self._keep(tail, record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """See `handle`."""
        self.handle(record)

    def begin(self, tail: Tail) -> None:
        """What this thread logs from now on belongs to this attempt."""
        self._current.tail = tail

    def end(self) -> None:
        """It no longer does."""
        self._current.tail = None

    @property
    def idle(self) -> bool:
        """Whether what this thread logs belongs to no attempt."""
        return getattr(self._current, "tail", None) is None

    def _keep(self, tail: Tail, record: logging.LogRecord) -> None:
        try:
            at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
            tail.add(f"{at}Z {record.levelname} {record.getMessage()}")
            if record.exc_info:
                tail.add(logging.Formatter().formatException(record.exc_info))
            elif isinstance(told := record.__dict__.get("exception"), str):
                tail.add(told)
        except Exception:  # noqa: BLE001 - as every handler does: what cannot be told must not end the work
            self.handleError(record)


@cache
def tail_handler() -> TailHandler:
    """The one of this process."""
    return TailHandler()


def follow(log: logging.Logger) -> TailHandler:
    """Have the tails of attempts hear what this logger writes; once, however often it is asked."""
    handler = tail_handler()
    if handler not in log.handlers:
        log.addHandler(handler)
    return handler
