"""The identity of a fire: the same planned time of the same generation is the same job, whoever fires it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from muster.message.envelope import DEFAULT_TENANT


def fire_id(*, tenant: str, name: str, generation: int, planned: datetime) -> str:
    """The job id, such as `schedule:hourly:1:2026-01-31T09:00:00Z`; the statement `fire` makes the same."""
    owner = name if tenant == DEFAULT_TENANT else f"{tenant}/{name}"
    return f"schedule:{owner}:{generation}:{moment_of(planned)}"


@lru_cache(maxsize=1024)
def moment_of(planned: datetime) -> str:
    """The time in it, in UTC; the fires of a storm share it."""
    return f"{planned.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
