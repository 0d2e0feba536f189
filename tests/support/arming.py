"""Making this very process fail at a crash point."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from muster import crashpoint


@contextmanager
def armed(name: str, *, passage: int = 1) -> Iterator[None]:
    """Inside the block the crash point raises `CrashPointReached` at this passage."""
    crashpoint.arm(f"{name}=raise@{passage}")
    try:
        yield
    finally:
        crashpoint.arm(None)
