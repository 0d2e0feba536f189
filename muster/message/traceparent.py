"""W3C trace context: which `traceparent` values are carried on; the others are dropped, never refused."""

from __future__ import annotations

import re
from functools import lru_cache

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def valid_traceparent(value: object) -> str | None:
    """`value` if it is a well-formed traceparent, else None."""
    return value if isinstance(value, str) and _FORM.fullmatch(value) else None


@lru_cache(maxsize=1024)
def new_traceparent(execution_id: str) -> str:
    """The trace of an execution that came without one: the same at every attempt, and in every log of it.

    Remembered, since it is told several times for each attempt.
    """
    trace = execution_id.replace("-", "").lower()
    return f"00-{trace}-{trace[16:]}-00"
