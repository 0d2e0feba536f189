"""Something the demo shows beside its jobs: it begins, it is watched until it is over, it is judged."""

from __future__ import annotations

from typing import Protocol


class Scene(Protocol):
    """One thing to show. Nothing of it waits: the demo asks again and again."""

    @property
    def what(self) -> str:
        """What is being shown, for people."""
        ...

    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        ...

    def problems(self) -> list[str]:
        """One line for everything that is not as it must be, at the end."""
        ...
