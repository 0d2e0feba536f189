"""An exception as an error record: bounded, and safe whatever the exception does when it is looked at."""

from __future__ import annotations

import traceback

from muster.errors import MusterError, PermanentError
from muster.model import ErrorRecord

#: Longest message and stack that are stored, in characters.
LONGEST_MESSAGE = 2048
LONGEST_STACK = 8192


def error_record(error: BaseException, *, code: str | None = None) -> ErrorRecord:
    """What the row says of an error."""
    own_code: object = error.code if isinstance(error, MusterError) else None
    return ErrorRecord(
        message=_text(error),
        code=code or (own_code if isinstance(own_code, str) else "agent_error"),
        retryable=not isinstance(error, PermanentError),
        error_class=type(error).__qualname__,
        stack=_stack(error),
    )


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as broken:  # noqa: BLE001 - the agent's own __str__ may raise anything
        text = f"(its text cannot be shown: {type(broken).__name__})"
    return text[:LONGEST_MESSAGE]


def _stack(error: BaseException) -> str | None:
    try:
        lines = traceback.format_exception(error, limit=-12)
    except BaseException as broken:  # noqa: BLE001 - its causes may be as odd as the error itself
        return f"(its stack cannot be shown: {type(broken).__name__})"
    return "".join(lines)[-LONGEST_STACK:]
