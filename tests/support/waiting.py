"""Waiting for a condition with a deadline: tests never just sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def wait_until(condition: Callable[[], _T], *, within: float = 60.0, every: float = 0.01) -> _T:
    """The first true answer of `condition`.

    Args:
        within: seconds until it must come; many, since waiting for what comes costs nothing.
        every: seconds to the second question; then longer, up to five times, since a question is work too.

    Raises:
        AssertionError: it did not come.
    """
    end, pause = time.monotonic() + within, every
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {condition}")
        time.sleep(pause)
        pause = min(pause * 1.2, every * 5)
    return answer
