"""How the processes of a stage keep an eye on each other: times with their defaults."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Self

from muster.errors import ConfigurationError
from muster.fleet import HEARTBEAT_SECONDS, STALE_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSettings:
    """Times in seconds.

    Raises:
        ConfigurationError: they do not go together; says which, and what would.
    """

    #: An instance says that it is alive this often.
    heartbeat: float = HEARTBEAT_SECONDS
    #: One that has not said so for this long is marked as stale.
    stale_after: float = STALE_SECONDS
    #: A leader that is gone is replaced within this: three quarters of it are its lease.
    leader_ttl: float = 30
    #: The leader of an agent's listeners looks after the ledger this often.
    cleanup_interval: float = 60
    #: An attempt that still holds its lease this long after its agent's timeout has failed.
    stuck_after: float = 3600

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {value:g}; use more than 0"
            for name, value in asdict(self).items()
            if value <= 0
        ]
        if self.stale_after <= 2 * self.heartbeat:
            problems.append(
                f"stale_after is {self.stale_after:g}; "
                f"use more than twice the heartbeat, {2 * self.heartbeat:g}"
            )
        if problems:
            raise ConfigurationError("fleet: " + "; ".join(problems))

    @property
    def leader_term(self) -> timedelta:
        """Length of a leader's lease; with one more question for it, `leader_ttl`."""
        return timedelta(seconds=self.leader_ttl * 0.75)

    @property
    def election_interval(self) -> float:
        """Seconds between two questions for the leadership; one of them may fail before the term ends."""
        return self.leader_ttl / 4

    def to_json(self) -> str:
        """As an environment variable holds it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back.

        Raises:
            ConfigurationError: it is none.
        """
        try:
            told = json.loads(text)
            return cls(**{name: float(value) for name, value in told.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"MUSTER_FLEET is {text!r} ({error}): write a JSON object such as {cls().to_json()}"
            ) from error
