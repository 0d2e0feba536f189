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

from bench.schedules import (
    CLEAR,
    TimedDatabase,
    duties_of,
    execute,
    make_due,
    register_schedules,
)
from muster.clock import SystemClock
from muster.dispatcher.duties import Duties
from muster.dispatcher.tick import Tick
from muster.ports import Depth, Outgoing, Queues, Sent
from muster.store.connection import SESSION_OPTIONS, Row
from muster.store.statements import Statement, preparable

#: Schedules that are due in the comparison.
DUE = 1000

#: Rows that one statement registers.
_PORTION = 100_000

_STATEMENTS = ("schedules_due", "fire")

#: Times that all DUE fire before it is measured: rows lie where updates leave them and not where they were
#: registered, and the ledger's trees have their depth, whatever was measured before.
_TURNS = 3

#: Each looks for a key that is not there, and so goes once down a tree that each fire writes to.
_PROBES = (
    "SELECT FROM agent_schedule WHERE agent_id = '' AND tenant = '' AND name = ''",
    (
        "SELECT FROM agent_schedule WHERE next_at = '-infinity' AND enabled AND NOT paused"
        " AND retired_at IS NULL"
    ),
)


#: What fired here was never run. A tick that finds nothing to do has no job that waits.
_ENDED = (
    "UPDATE agent_job_execution SET status = 'completed', started_at = now(), completed_at = now(),"
    " relay_after = NULL, lease_expires_at = NULL WHERE status = 'pending'"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """What firing DUE schedules touched, over both statements."""

    #: Rows that were read from tables or written to them.
    rows: int
    #: Pages that were looked at, in memory or not.
    buffers: int
    #: Levels of the two trees of the schedules together. Each fire goes down both.
    levels: int

    @property
    def but_for_levels(self) -> int:
        """The pages less those of the way down, which is what a tree costs by being larger."""
        return self.buffers - DUE * self.levels


class _Explained(TimedDatabase):
    """A connection that notes what firing touches, and leaves everything as it was."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._url = url
        self.touched: dict[str, tuple[int, int]] = {}

    def run(
        self, statement: Statement, parameters: Mapping[str, Any] | None = None, **more: Any
    ) -> list[Row]:
        if statement.name in _STATEMENTS:
            self.touched[statement.name] = _touched(self._url, statement, parameters or {})
        # The answer of a statement that moved nothing on.
        nothing: list[Row] = [(0, *[None] * 8)]
        if statement.name == "fire":
            return nothing
        return super().run(statement, parameters, **more)


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


def grow(url: str, *, to: int) -> None:
    """So many schedules, none of them due, with statistics, and a ledger without a job.

    Both sizes begin like this: where a row finds room is a matter of what was there before.
    """
    execute(url, "TRUNCATE agent_schedule, job_key, agent_job_execution, execution_event")
    for begin in range(1, to + 1, _PORTION):
        register_schedules(url, first=begin, last=min(to, begin + _PORTION - 1))
    execute(url, CLEAR)


def touched_by_firing(url: str) -> Touched:
    """What it takes to fire DUE schedules; nothing fires."""
    for _ in range(_TURNS):
        make_due(url, count=DUE)
        with closing(TimedDatabase(url)) as database:
            [fire, *_] = _duties(database).all()
            assert fire.page() == DUE
    make_due(url, count=DUE)
    with closing(_Explained(url)) as database:
        [fire, *_] = _duties(database).all()
        fire.page()
        parts = database.touched.values()
    probes = [preparable(f"probe_{n}", text) for n, text in enumerate(_PROBES)]
    levels = sum(_touched(url, probe, {})[1] for probe in probes)
    execute(url, "UPDATE agent_schedule SET next_at = 'infinity' WHERE next_at <> 'infinity'")
    execute(url, CLEAR)
    return Touched(rows=sum(r for r, _ in parts), buffers=sum(b for _, b in parts), levels=levels)


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """A tick that finds nothing to do, in milliseconds by statement; medians."""

    #: As the server's executor measures it.
    executed: Mapping[str, float]
    #: As the dispatcher sees it: round trip and the commit's way to the disk included.
    seen: Mapping[str, float]


def idle_tick(url: str, *, ticks: int) -> Idle:
    """What some ticks cost that find nothing to do; what waits is ended before."""
    execute(url, _ENDED)
    for table in ("agent_job_execution", "execution_event", "job_key"):
        execute(url, f"VACUUM (ANALYZE) {table}")
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
        if statement.prepare is not None:
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


def _touched(url: str, statement: Statement, parameters: Mapping[str, Any]) -> tuple[int, int]:
    """Rows and pages."""
    [explained] = _explained(url, statement, parameters)
    plan = explained["Plan"]
    return _rows(plan), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def _rows(node: Mapping[str, Any]) -> int:
    reads_or_writes = "Relation Name" in node
    own = round(node["Actual Rows"] * node["Actual Loops"]) if reads_or_writes else 0
    return own + sum(_rows(child) for child in node.get("Plans", ()))
