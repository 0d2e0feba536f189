"""Reads events from a position on, without gaps: the part that needs neither hints nor time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muster.events.event import Event, EventKind, Position
from muster.store.reader import Reader

if TYPE_CHECKING:
    from psycopg2 import extensions

#: Events read in one statement.
PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which events are wanted."""

    kinds: frozenset[EventKind] = frozenset(EventKind)
    #: None: every agent's.
    agent_id: str | None = None
    #: None: of every execution.
    execution_id: str | None = None


class Replay:
    """What happened since a position, on one connection in autocommit after another."""

    def __init__(self, selection: Selection, *, position: Position | None = None) -> None:
        self._selection = selection
        #: All events before it have been handed out; None: not begun.
        self.position = position

    def begin(self, connection: extensions.connection) -> None:
        """Begin at this moment, unless it has begun."""
        if self.position is None:
            [row] = Reader(connection, topic="events").rows("events_now", {})
            self.position = Position(row["xid"], 0)

    def page(self, connection: extensions.connection) -> Sequence[Event]:
        """The next events in order; empty when there is none yet. The position moves on past them."""
        if self.position is None:
            raise RuntimeError("a replay has to begin first")
        rows = Reader(connection, topic="events").rows(
            "events_after",
            {
                "xid": str(self.position.xid),
                "id": self.position.id,
                "kinds": sorted(self._selection.kinds),
                "agent": self._selection.agent_id,
                "execution_id": self._selection.execution_id,
                "page": PAGE,
            },
        )
        events = [Event.from_row(row) for row in rows if row["kind"] is not None]
        if len(events) == PAGE:
            self.position = events[-1].position
        else:
            # Everything below is seen, also what was not wanted.
            self.position = max(self.position, Position(rows[0]["complete_below"], 0))
        return events
