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
from collections.abc import Iterable
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
        handler = logging.StreamHandler(stream or sys.stdout)
        handler.setFormatter(_Lines(service, self._keys))
        self.addHandler(handler)

    def append_keys(self, **keys: Any) -> None:
        """From now on this thread's lines carry these keys."""
        self._keys.__dict__.update(keys)

    def remove_keys(self, names: Iterable[str]) -> None:
        """They no longer do."""
        for name in names:
            self._keys.__dict__.pop(name, None)

    # By these names Powertools tells them from keys of the whole process.
    thread_safe_append_keys = append_keys
    thread_safe_remove_keys = remove_keys


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
