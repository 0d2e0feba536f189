"""Answers of SQS that no call has waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Unheard:
    """Of one process; more than one only where several threads answer calls."""

    def __init__(self) -> None:
        # Appending and popping are atomic: threads need no lock here.
        self._left: deque[Callable[[], None]] = deque()

    def leave(self, hear: Callable[[], None]) -> None:
        """Leave an answer to the next call, which hears it by `hear`; those before it are heard now."""
        self.hear()
        self._left.append(hear)

    def hear(self) -> None:
        """Wait for what was left."""
        while self._left:
            try:
                hear = self._left.popleft()
            except IndexError:
                return  # Another thread was faster.
            hear()
