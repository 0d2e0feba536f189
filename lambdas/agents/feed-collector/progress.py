"""How far a job has come, as it is kept between its attempts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one feed."""

    url: str
    #: Entries that were looked at.
    entries: int = 0
    #: Those of them that were not known.
    new: int = 0
    #: The server said that nothing changed.
    unchanged: bool = False
    #: Code of the error that kept it from being read.
    error: str | None = None


@dataclass(kw_only=True, slots=True)
class Progress:
    """Sums over the feeds of a job."""

    done: int = 0
    entries: int = 0
    new: int = 0
    unchanged: int = 0
    notified: int = 0
    failed: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, state: Any) -> Self:
        """What an earlier attempt kept, or nothing."""
        return cls(**state) if state else cls()

    def state(self) -> dict[str, Any]:
        """What the next attempt needs to know."""
        return asdict(self)

    def add(self, outcome: Outcome) -> None:
        """Count one more feed."""
        self.done += 1
        self.entries += outcome.entries
        self.new += outcome.new
        self.unchanged += outcome.unchanged
        if outcome.error is not None:
            self.failed[outcome.url] = outcome.error

    def result(self) -> dict[str, Any]:
        """What the job returns."""
        return {
            "feeds": self.done,
            "entries": self.entries,
            "new": self.new,
            "unchanged": self.unchanged,
            "notifications": self.notified,
            "failed": [{"url": url, "code": code} for url, code in self.failed.items()],
        }
