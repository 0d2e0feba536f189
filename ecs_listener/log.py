"""The listener's log: the same lines as `muster.log` writes, at a fraction of the price.

A listener writes a line for each job, and Powertools' logger, made for functions that write a few, would be
its most expensive part. So a line is written without a `LogRecord` wherever nobody would see one: that alone
costs more than the text. ASCII only, so that no character can break a line.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from json.encoder import encode_basestring_ascii
from math import isfinite
from types import CodeType, FrameType
from typing import Any, TextIO

from muster.execution.tail import TailHandler

#: What a record has besides the keys that were given to it.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

#: Keys that stand for something else than themselves, or stand in every line already.
_TAKEN = _OWN | {"level", "location", "timestamp", "service"}

#: Places that log whose line is remembered.
MOST_PLACES = 1024

#: Where callers that are functions of `logging` itself come from.
_LOGGING = logging.info.__code__.co_filename

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
        self._keys = _Keys()
        self._handler = _Writer(stream or sys.stdout)
        self._lines = _Lines(service, self._keys)
        self._handler.setFormatter(self._lines)
        self.addHandler(self._handler)

    def append_keys(self, **keys: Any) -> None:
        """From now on this thread's lines carry these keys."""
        self._keys.own.update(keys)

    def lend_keys(self, keys: Callable[[], Mapping[str, Any]] | None) -> None:
        """From now on this thread's lines carry what this tells; None: nothing more.

        It is asked for each line: most jobs write none.
        """
        self._keys.lent = keys

    def remove_keys(self, names: Iterable[str]) -> None:
        """They no longer do."""
        for name in names:
            self._keys.own.pop(name, None)

    def each(self, level: int, message: str, extras: Sequence[Mapping[str, object]]) -> None:
        """A line for each of these, which all say the same, written in one piece.

        Each write lets another thread have the interpreter: a thread that writes a line for each of a
        hundred jobs would wait for the others a hundred times.
        """
        if not extras or not self.isEnabledFor(level):
            return
        lines: str | None = None
        caller = logging.currentframe().f_back
        if caller and not self.disabled and self._alone():
            # What cannot be told so is told line by line, as every logger does.
            with suppress(Exception):
                lines = self._lines.each(level, message, caller, extras)
        if lines is None or not self._handler.tell(lines):
            for extra in extras:
                self.log(level, message, extra=extra, stacklevel=2)

    # By these names Powertools tells them from keys of the whole process.
    thread_safe_append_keys = append_keys
    thread_safe_remove_keys = remove_keys

    def _log(  # noqa: PLR0917 - the parameters of `logging.Logger._log`
        self,
        level: int,
        msg: object,
        args: tuple[object, ...] | Mapping[str, object],
        exc_info: Any = None,
        extra: Mapping[str, object] | None = None,
        stack_info: bool = False,
        stacklevel: int = 1,
    ) -> None:
        """As every logger does, or, where nobody sees the record, without making one."""
        plain = not (exc_info or stack_info or stacklevel != 1 or self.disabled) and self._alone()
        line = self._line(level, msg, args, extra or {}) if plain else None
        if line is None or not self._handler.tell(line):
            super()._log(level, msg, args, exc_info, extra, stack_info, stacklevel + 1)

    def _alone(self) -> bool:
        """Whether records of this log pass nobody who may look at them or change them."""
        own = self._handler
        if self.filters or own.filters or own.level != logging.NOTSET:
            return False
        for handler in self.handlers:
            # What no job's thread logs is in no job's tail.
            if handler is not own and not (type(handler) is TailHandler and handler.idle):
                return False
        return own in self.handlers and own.formatter is self._lines

    def _line(self, level: int, msg: object, args: Any, extra: Mapping[str, object]) -> str | None:
        """The line, or None where a record is needed to tell what it is, or what is wrong with it."""
        try:
            # Who called `info` or the like, which called `_log`, which called this.
            caller: FrameType | None = logging.currentframe()
            for _ in range(3):
                caller = caller and caller.f_back
            if caller is None or caller.f_code.co_filename == _LOGGING:
                return None
            return self._lines.line(level, str(msg) % args if args else str(msg), caller, extra)
        except Exception:  # noqa: BLE001 - whatever it is: the record's way tells it as every logger does
            return None


class _Writer(logging.StreamHandler[TextIO]):
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

    def tell(self, line: str) -> bool:
        """Write a line that needs no record, with the lock as `handle`; false when that did not succeed."""
        try:
            with self.lock or nullcontext():
                self.stream.write(line)
                self.flush()
        except Exception:  # noqa: BLE001 - the record's way meets it too, and tells it as every handler does
            return False
        return True

    def flush(self) -> None:
        """Without the lock, which whoever writes has."""
        self.stream.flush()


class _Keys(threading.local):
    """The keys of each thread's lines."""

    def __init__(self) -> None:
        self.own: dict[str, Any] = {}
        self.lent: Callable[[], Mapping[str, Any]] | None = None

    def all(self) -> Mapping[str, Any]:
        return {**self.lent(), **self.own} if self.lent else self.own


class _Lines(logging.Formatter):
    def __init__(self, service: str, keys: _Keys) -> None:
        super().__init__()
        self._service = service
        self._quoted_service = encode_basestring_ascii(service)
        self._keys = keys
        self._second = (0, "", "")
        self._places: dict[tuple[CodeType, int], str] = {}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": self._timestamp(record.created),
            "service": self._service,
            **self._keys.all(),
            **{name: value for name, value in record.__dict__.items() if name not in _OWN},
        }
        if record.exc_info:
            kind = record.exc_info[0]
            line["exception"] = self.formatException(record.exc_info)
            line["exception_name"] = kind.__name__ if kind else None
        if record.stack_info:
            line["stack"] = record.stack_info
        return _encode(line)

    def line(
        self, level: int, message: str, caller: FrameType, extra: Mapping[str, object]
    ) -> str | None:
        """The same as `format`, of a line without an exception; None where keys are not what they seem."""
        told = self._rest(extra)
        return None if told is None else f"{self._start(level, message, caller)}{told}"

    def each(
        self, level: int, message: str, caller: FrameType, extras: Iterable[Mapping[str, object]]
    ) -> str | None:
        """The lines of one place that say the same of several; None where keys are not what they seem."""
        start = self._start(level, message, caller)
        lines: list[str] = []
        for extra in extras:
            told = self._rest(extra)
            if told is None:
                return None
            lines += (start, told)
        return "".join(lines)

    def _start(self, level: int, message: str, caller: FrameType) -> str:
        return (
            f'{{"level":"{logging.getLevelName(level)}","location":{self._place(caller)},'
            f'"message":{encode_basestring_ascii(message)},'
            f'"timestamp":"{self._timestamp(time.time())}","service":{self._quoted_service}'
        )

    def _rest(self, extra: Mapping[str, object]) -> str | None:
        own = self._keys.all()
        keys = {**own, **extra} if own else extra
        if not _TAKEN.isdisjoint(keys):
            return None
        quoted = encode_basestring_ascii
        told = [
            f",{quoted(name)}:{quoted(value) if isinstance(value, str) else _told(value)}"
            for name, value in keys.items()
        ]
        return f"{''.join(told)}}}\n"

    def _place(self, caller: FrameType) -> str:
        """Which line of which function, quoted; Python takes a while to tell the line."""
        at = (caller.f_code, caller.f_lasti)
        place = self._places.get(at)
        if place is None:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            place = encode_basestring_ascii(f"{caller.f_code.co_name}:{caller.f_lineno}")
            self._places[at] = place
        return place

    def _timestamp(self, created: float) -> str:
        second = int(created)
        known, start, zone = self._second
        if known != second:
            local = time.localtime(second)
            start, zone = time.strftime("%Y-%m-%d %H:%M:%S", local), time.strftime("%z", local)
            # Replaced as a whole: another thread sees either the old second or the new one.
            self._second = (second, start, zone)
        return f"{start},{int((created - second) * 1000):03d}{zone}"


def _told(value: object) -> str:
    # By its type: a bool is an int too.
    if type(value) is int or (type(value) is float and isfinite(value)):
        return repr(value)
    return _encode(value)
