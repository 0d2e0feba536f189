"""Numbers on the command line."""

from __future__ import annotations

from argparse import ArgumentTypeError


def limit(text: str) -> int:
    """How many rows to show.

    Raises:
        ArgumentTypeError: no number from 1 to 100,000.
    """
    if not text.isdecimal() or not 0 < int(text) <= 100_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)
