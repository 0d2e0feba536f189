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


def per_second(text: str) -> float:
    """How many a second.

    Raises:
        ArgumentTypeError: no number from 0.01 to 10,000.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.01 <= number <= 10_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 0.01 to 10000")
    return number
