"""What a hook and its sender share, as Secrets Manager keeps it: one secret, or two while it is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from muster.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class HookSecret:
    """The secret that holds, and the one before it until its end. Neither shows in a repr."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    #: The previous one is valid before this.
    previous_until: datetime | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, or a stack made.

        Raises:
            ConfigurationError: it is neither; nothing of it is quoted.
        """
        try:
            until = document.get("previous_until")
            return cls(
                current=_text(document["current"]),
                previous=_text(document["previous"]) if until else None,
                previous_until=_moment(until) if until else None,
            )
        except (KeyError, ValueError, TypeError):
            raise ConfigurationError(
                "The hook's secret is not as Muster keeps it; make another: muster webhooks rotate"
            ) from None

    def to_json(self) -> dict[str, str]:
        """As Secrets Manager keeps it."""
        document = {"current": self.current}
        if self.previous is not None and self.previous_until is not None:
            document |= {
                "previous": self.previous,
                "previous_until": self.previous_until.isoformat(),
            }
        return document

    def valid(self, now: datetime) -> tuple[str, ...]:
        """The secrets that a delivery may be signed with."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return (self.current,)
        return (self.current, self.previous)

    def replaced(self, new: str, *, now: datetime, overlap: timedelta) -> HookSecret:
        """A secret whose predecessor is valid for the overlap; what was before that ends at once."""
        if not overlap:
            return HookSecret(current=new)
        return HookSecret(current=new, previous=self.current, previous_until=now + overlap)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment
