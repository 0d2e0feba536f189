"""One event, and its place in the order of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


class EventKind(StrEnum):
    """What kinds of events there are; each has a channel for its hints."""

    STATE_CHANGED = "state_changed"
    INSTANCE_REGISTERED = "instance_registered"
    INSTANCE_DEREGISTERED = "instance_deregistered"
    LEADER_CHANGED = "leader_changed"

    @property
    def channel(self) -> str:
        """The channel of Postgres on which it is hinted at."""
        return f"muster_{self.value}"


@dataclass(frozen=True, order=True, slots=True)
class Position:
    """A place in the order of events: all before it have been seen."""

    #: Transaction that wrote the event.
    xid: int
    id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened, and is committed."""

    position: Position
    at: datetime
    kind: EventKind
    #: The execution, the instance, or the lease that is led.
    subject: str
    #: Of a state: execution_id, agent_id, job_id, step, from_status, to_status, fence, attempt, reason. Of an
    #: instance: status, hostname, pid, version, agent_ids. Of a leader: leader (None: nobody), fence,
    #: agent_ids.
    details: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """A row of `events_after`."""
        return cls(
            position=Position(row["xid"], row["id"]),
            at=row["at"],
            kind=EventKind(row["kind"]),
            subject=row["subject"],
            details=row["details"],
        )

    def to_json(self) -> dict[str, Any]:
        """On one level, as the command line prints it."""
        return {
            "at": self.at.isoformat(),
            "kind": self.kind.value,
            "subject": self.subject,
            "xid": self.position.xid,
            "id": self.position.id,
            **self.details,
        }
