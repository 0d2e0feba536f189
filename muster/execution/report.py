"""An exception as an error record: bounded, and safe whatever the exception does when it is looked at."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from muster.errors import MusterError, PermanentError
from muster.model import ErrorRecord

if TYPE_CHECKING:
    from muster.mask import Mask

#: Longest message and stack that are stored, in characters.
LONGEST_MESSAGE = 2048
LONGEST_STACK = 8192

#: Longest message and stack that are looked at, in characters.
_LOOKED_AT = 64 * 1024


def stored_record(record: ErrorRecord, mask: Mask) -> ErrorRecord:
    """What the row says of an error. Secrets are masked before it is cut: half a secret is not found."""
    stack = None if record.stack is None else mask.text(record.stack)[-LONGEST_STACK:]
    return replace(record, message=mask.text(record.message)[:LONGEST_MESSAGE], stack=stack)


def error_record(error: BaseException, *, code: str | None = None) -> ErrorRecord:
    """What there is to say of an error, before `stored_record`."""
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
    return text[:_LOOKED_AT]


def _stack(error: BaseException) -> str | None:
    try:
        lines = traceback.format_exception(error, limit=-12)
    except BaseException as broken:  # noqa: BLE001 - its causes may be as odd as the error itself
        return f"(its stack cannot be shown: {type(broken).__name__})"
    return "".join(lines)[-_LOOKED_AT:]
