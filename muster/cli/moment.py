"""Moments on the command line."""

from __future__ import annotations

from argparse import ArgumentTypeError
from contextlib import suppress
from datetime import UTC, datetime

from muster.manifest.duration import parse_duration


def moment(text: str) -> datetime:
    """A time, or how long ago it was.

    Raises:
        ArgumentTypeError: neither.
    """
    with suppress(ValueError):
        return datetime.now(UTC) - parse_duration(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is neither a time such as 2026-01-31T09:00:00Z nor a duration such as 2h"
        ) from error
    return at if at.tzinfo else at.astimezone()
