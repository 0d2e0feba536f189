"""An exception on its way to another process: what it means goes along, its object does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from muster.database import StatementFailed, StatementUnknown
from muster.errors import (
    Cancelled,
    MusterError,
    PermanentError,
    RetryableError,
    RetryLater,
    SecretRejected,
    StoreUnavailable,
)
from muster.execution.report import error_record
from muster.isolation.failure import JobOutOfMemory
from muster.model import ErrorRecord

#: Types that mean the same on both sides; of every other one only what it derives from is kept.
_KNOWN: Mapping[str, type[MusterError]] = {
    kind.__name__: kind
    for kind in (
        Cancelled,
        PermanentError,
        RetryableError,
        SecretRejected,
        StatementFailed,
        StatementUnknown,
        StoreUnavailable,
    )
}

#: Longest code and class name that are believed.
_LONGEST_NAME = 128


def described(error: BaseException) -> dict[str, Any]:
    """The error as JSON."""
    record = error_record(
        error, code=JobOutOfMemory.code if isinstance(error, MemoryError) else None
    )
    found: dict[str, Any] = {"kind": _kind(error), "record": asdict(record)}
    if isinstance(error, RetryLater):
        found |= {"after": error.after.total_seconds(), "snooze": error.snooze}
    if isinstance(error, StatementFailed):
        found["sqlstate"] = error.sqlstate
    return found


def revived(fault: Mapping[str, Any]) -> tuple[MusterError, ErrorRecord]:
    """An error of the same meaning, and the record of the one that was described.

    Whatever stands in `fault`, this does not raise: it may come from a job.
    """
    match fault.get("record"):
        case {**told}:
            text: Mapping[str, object] = told
        case _:
            text = {}
    message = _text(text.get("message")) or "(it did not say why)"
    code = (_text(text.get("code")) or "agent_error")[:_LONGEST_NAME]
    error = _error(fault, message)
    error.code = code
    return error, ErrorRecord(
        message=message,
        code=code,
        retryable=not isinstance(error, PermanentError),
        error_class=(_text(text.get("error_class")) or type(error).__name__)[:_LONGEST_NAME],
        stack=_text(text.get("stack")),
    )


def _kind(error: BaseException) -> str:
    if isinstance(error, RetryLater):
        return RetryLater.__name__
    for ancestor in type(error).__mro__:
        if ancestor.__name__ in _KNOWN and issubclass(ancestor, MusterError):
            return ancestor.__name__
    return ""


def _error(fault: Mapping[str, Any], message: str) -> MusterError:
    kind = fault.get("kind")
    if kind == RetryLater.__name__:
        after = fault.get("after")
        wait = after if isinstance(after, int | float) and 0 <= after < _FOREVER else 0
        return RetryLater(message, after=wait, snooze=fault.get("snooze") is True)
    if kind == StatementFailed.__name__:
        return StatementFailed(message, sqlstate=_text(fault.get("sqlstate")))
    return _KNOWN.get(str(kind), RetryableError)(message)


#: Seconds; a timedelta holds no more than this by far.
_FOREVER = 10.0**12


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
