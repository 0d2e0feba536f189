"""The queues of the registered agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muster.cli.context import Context
from muster.cli.errors import NotFound


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where an agent takes its jobs and leaves its dead letters."""

    agent_id: str
    #: Lane to queue URL.
    queues: Mapping[str, str]
    dead_letters: str
    enabled: bool
    retired: bool

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Endpoint:
        return cls(
            agent_id=row["agent_id"],
            queues=row["endpoint"].get("queues", {}),
            dead_letters=row["endpoint"].get("dlq", ""),
            enabled=row["enabled"],
            retired=row["retired_at"] is not None,
        )


def endpoints(context: Context, *, agent: str | None = None) -> list[Endpoint]:
    """Endpoints of all agents with queues, or of one.

    Raises:
        NotFound: the agent named is not registered, or has no queue.
    """
    from muster.store.reader import reading

    with reading(context.database(), topic="agents") as reader:
        rows = reader.rows("agent_endpoints", {"agent": agent})
    if agent is not None and not rows:
        raise NotFound(f"No agent {agent!r} with a queue. See `muster agents list`.")
    return [Endpoint.from_row(row) for row in rows]
