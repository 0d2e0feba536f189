"""The listener's log: the same lines as `muster.log` writes, at less than half the price.

A listener writes a line for each job, and Powertools' logger, made for functions that write a few, would be
its most expensive part. ASCII only, so that no character can break a line.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TextIO

#: What a record has besides the keys that were given to it.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


class ListenerLog(logging.Logger):
    """A logger that is used by many threads, each with keys of its own.

    Args:
        level: name of the least level that is written.
        stream: where lines go; None: standard output.
    """

    def __init__(self, service: str, *, level: str, stream: TextIO | None = None) -> None:
        super().__init__(service, level.upper())
        self.propagate = False
        self._keys = threading.local()
        self._handler = _Writer(stream or sys.stdout)
        self._handler.setFormatter(_Lines(service, self._keys))
        self.addHandler(self._handler)

    def append_keys(self, **keys: Any) -> None:
        """From now on this thread's lines carry these keys."""
        self._keys.__dict__.update(keys)

    def remove_keys(self, names: Iterable[str]) -> None:
        """They no longer do."""
        for name in names:
            self._keys.__dict__.pop(name, None)

    def together(self) -> AbstractContextManager[None]:
        """What this thread logs within the block is written at its end, in one piece.

        Each write lets another thread have the interpreter: a thread that writes a line for each of a
        hundred jobs would wait for the others a hundred times.
        """
        return self._handler.together()

    # By these names Powertools tells them from keys of the whole process.
    thread_safe_append_keys = append_keys
    thread_safe_remove_keys = remove_keys


class _Writer(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._gathered = threading.local()

    @contextmanager
    def together(self) -> Generator[None]:
        lines: list[str] = []
        self._gathered.lines = lines
        try:
            yield
        finally:
            self._gathered.lines = None
            if lines:
                with self.lock or nullcontext():
                    self.stream.write("".join(lines))
                    self.flush()

    def handle(self, record: logging.LogRecord) -> bool:
        """As every handler does, but for the lock: a job's thread may be interrupted at any moment.

        `with` takes it and is bound to give it back in one step; `acquire` is a function of Python, and one
        that is interrupted before it returns leaves the lock taken, and every other thread waiting for ever.
        """
        passed = self.filter(record)
        if passed:
            with self.lock or nullcontext():
                self.emit(record)
        return passed

    def flush(self) -> None:
        """Without the lock, which whoever writes has."""
        self.stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        lines: list[str] | None = getattr(self._gathered, "lines", None)
        if lines is None:
            super().emit(record)
            return
        try:
            lines.append(self.format(record) + self.terminator)
        except Exception:  # noqa: BLE001 - as every handler does: what cannot be told must not end the work
            self.handleError(record)


class _Lines(logging.Formatter):
    def __init__(self, service: str, keys: threading.local) -> None:
        super().__init__()
        self._service = service
        self._keys = keys
        self._second = (0, "", "")

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": self._timestamp(record),
            "service": self._service,
            **self._keys.__dict__,
            **{name: value for name, value in record.__dict__.items() if name not in _OWN},
        }
        if record.exc_info:
            kind = record.exc_info[0]
            line["exception"] = self.formatException(record.exc_info)
            line["exception_name"] = kind.__name__ if kind else None
        if record.stack_info:
            line["stack"] = record.stack_info
        return _encode(line)

    def _timestamp(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        known, start, zone = self._second
        if known != second:
            local = time.localtime(second)
            start, zone = time.strftime("%Y-%m-%d %H:%M:%S", local), time.strftime("%z", local)
            # Replaced as a whole: another thread sees either the old second or the new one.
            self._second = (second, start, zone)
        return f"{start},{int(record.msecs):03d}{zone}"
