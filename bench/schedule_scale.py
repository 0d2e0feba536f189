"""What a tick costs the database where few and where very many schedules are registered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any, cast

import psycopg2

from bench.schedules import TimedDatabase, duties_of, execute, make_due, register_schedules
from muster.clock import SystemClock
from muster.dispatcher.duties import Duties
from muster.dispatcher.tick import Tick
from muster.ports import Depth, Outgoing, Queues, Sent
from muster.store.connection import SESSION_OPTIONS, Row
from muster.store.statements import Statement

#: Schedules that are due in the comparison.
DUE = 1000

#: Rows that one statement registers.
_PORTION = 100_000

_STATEMENTS = ("schedules_due", "fire")


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """What firing DUE schedules touched, over both statements."""

    #: Rows that the nodes of the plans returned.
    rows: int
    #: Pages that were looked at, in memory or not.
    buffers: int


class _Explained(TimedDatabase):
    """A connection that notes what firing touches, and leaves everything as it was."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._url = url
        self.touched: dict[str, Touched] = {}

    def run(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        if statement.name in _STATEMENTS:
            self.touched[statement.name] = _touched(self._url, statement, parameters or {})
        # The answer of a statement that moved nothing on.
        nothing: list[Row] = [(0, None, None, None)]
        return nothing if statement.name == "fire" else super().run(statement, parameters)


class NoQueues:
    """Queues that nothing is in; what is sent disappears."""

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        """See `muster.ports.Queues.send_batch`."""
        del queue_url
        return [Sent(message_id="none") for _ in entries]

    def depth(self, queue_url: str) -> Depth:
        """See `muster.ports.Queues.depth`."""
        del queue_url
        return Depth(visible=0, in_flight=0, delayed=0)


def _duties(database: TimedDatabase) -> Duties:
    # Duties send and measure, and nothing else.
    return duties_of(database, cast("Queues", NoQueues()), connections=1)


def grow(url: str, *, first: int, last: int) -> None:
    """Register schedules of these numbers, none of them due, with statistics."""
    for begin in range(first, last + 1, _PORTION):
        register_schedules(url, first=begin, last=min(last, begin + _PORTION - 1))
    execute(url, "VACUUM ANALYZE agent_schedule")


def touched_by_firing(url: str) -> Touched:
    """What it takes to fire DUE schedules; nothing fires."""
    make_due(url, count=DUE)
    # Both sizes are looked at without the remains of the update.
    execute(url, "VACUUM ANALYZE agent_schedule")
    with closing(_Explained(url)) as database:
        [fire, *_] = _duties(database).all()
        fire.page()
        parts = database.touched.values()
    execute(url, "UPDATE agent_schedule SET next_at = 'infinity' WHERE next_at <> 'infinity'")
    execute(url, "VACUUM ANALYZE agent_schedule")
    return Touched(rows=sum(p.rows for p in parts), buffers=sum(p.buffers for p in parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """A tick that finds nothing to do, in milliseconds by statement; medians."""

    #: As the server's executor measures it.
    executed: Mapping[str, float]
    #: As the dispatcher sees it: round trip and the commit's way to the disk included.
    seen: Mapping[str, float]


def idle_tick(url: str, *, ticks: int) -> Idle:
    """What some ticks cost that find nothing to do."""
    samples: list[dict[str, float]] = []
    with closing(TimedDatabase(url)) as database:
        for _ in range(ticks + 1):
            database.seconds.clear()
            report = Tick(
                database=database,
                duties=_duties(database).all(),
                holder="bench",
                clock=SystemClock(),
                log=logging.getLogger("bench"),
            ).run(time_left=timedelta(seconds=60))
            assert not report.failed, f"duties failed: {', '.join(report.failed)}"
            samples.append(dict(database.seconds))
        # The first one prepares its statements.
        names = samples[-1]
        return Idle(
            executed={
                name: median(
                    explained["Execution Time"]
                    for explained in _explained(url, *database.last[name], times=ticks)
                )
                for name in names
            },
            seen={name: median(s.get(name, 0.0) for s in samples[1:]) * 1000 for name in names},
        )


def _explained(
    url: str, statement: Statement, parameters: Mapping[str, Any], *, times: int = 1
) -> list[dict[str, Any]]:
    """What the server says of running a statement; nothing of it stays."""
    found: list[dict[str, Any]] = []
    with closing(psycopg2.connect(url, options=SESSION_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(statement.prepare)
        connection.commit()
        for _ in range(times):
            cursor.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.execute}", parameters
            )
            [[[explained]]] = cursor.fetchall()
            connection.rollback()
            found.append(explained)
    return found


def _touched(url: str, statement: Statement, parameters: Mapping[str, Any]) -> Touched:
    [explained] = _explained(url, statement, parameters)
    plan = explained["Plan"]
    return Touched(rows=_rows(plan), buffers=plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _rows(node: Mapping[str, Any]) -> int:
    own = round(node["Actual Rows"] * node["Actual Loops"])
    return own + sum(_rows(child) for child in node.get("Plans", ()))
