"""Durations as the command line takes them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta


def duration(text: str) -> timedelta:
    """A duration such as 90d, 12h or 30m.

    Raises:
        ArgumentTypeError: it is none.
    """
    from muster.manifest.duration import parse_duration

    try:
        if text.endswith("d") and text[:-1].isdecimal():
            return timedelta(days=min(int(text[:-1]), 36_500))
        return parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 90d, 12h or 30m") from error
