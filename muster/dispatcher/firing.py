"""Fires schedules: what falls due soon is recorded now and sent with its exact delay.

    due (read) -> decide (pure) -> fire (one guarded statement) -> send (no transaction open)

A crash before the statement changes nothing, one after it leaves pending executions that the relay sends.
While one page is on its way to the queues the next one is recorded.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from muster.clock import Clock
from muster.contracts import MetricName
from muster.crashpoint import crashpoint
from muster.dispatcher.due import Due, Fire
from muster.dispatcher.fanout import Fanout
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.planning import Planning
from muster.metrics import EmbeddedMetrics
from muster.ports import Queues
from muster.retry import RELAY_GRACE
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements

#: Schedules of one statement, unless told otherwise.
PAGE = 1000

#: Params above stay in the row, so that a page is small whatever its schedules hold.
PARAMS_BYTES = 16 * 1024

#: Pages recorded while those before are sent; then everything sent is waited for.
ROUND = 10

#: Fired ahead of time: several ticks may be late or lost before a fire is.
AHEAD = timedelta(seconds=300)

#: What a queue did not take is left to the next tick: this one's relay comes too soon after.
UNSENT_PAUSE = timedelta(seconds=90)


class Firing:
    """The duty `fire`.

    Args:
        connections: calls of SQS on their way at once.
        page: schedules read, and moved on, in one statement.
    """

    def __init__(
        self,
        *,
        database: Database,
        queues: Queues,
        metrics: Callable[[str], EmbeddedMetrics],
        clock: Clock,
        log: logging.Logger,
        lanes: LaneChoice,
        connections: int = 1,
        page: int = PAGE,
    ) -> None:
        self._database = database
        self._queues = queues
        self._metrics = metrics
        self._clock = clock
        self._log = log
        self._lanes = lanes
        self._connections = connections
        self._page = page
        self._sql = statements("schedule")

    def page(self) -> int:
        """Fire some pages of schedules, each for its next planned time; says how many moved on."""
        moved = 0
        with Fanout(self._queues, clock=self._clock, connections=self._connections) as fanout:
            for _ in range(ROUND):
                count = self._record(fanout)
                moved += count
                if count < self._page:
                    break
        self._leave_to_relay(fanout.unsent)
        crashpoint("fire.after_send")
        return moved

    def _record(self, fanout: Fanout) -> int:
        """Record a page and let it be sent."""
        due, now = self._due()
        if now is None:
            return 0
        planning = Planning(now=now, horizon=now + AHEAD)
        rows: list[dict[str, Any]] = []
        fires: dict[str, Fire] = {}
        for schedule in due:
            decision = planning.decide(schedule)
            if decision.problem is not None:
                self._log.error(
                    "schedule %s of %s cannot fire: %s",
                    schedule.name,
                    schedule.agent_id,
                    decision.problem,
                )
            fire = schedule.fire(
                decision.step.planned, now=now, queues=_lanes(schedule.queues), lanes=self._lanes
            )
            if fire is not None:
                fires[fire.execution_id] = fire
            rows.append(schedule.fields(decision, fire))
        asked = self._clock.monotonic()
        recorded = self._database.run(
            self._sql["fire"],
            {
                "steps": document(rows),
                "count": len(rows),
                "grace_seconds": RELAY_GRACE.total_seconds(),
            },
        )
        crashpoint("fire.before_send")
        moved, missed = recorded[0][:2]
        found = [(fires[row[2]], asked + row[3]) for row in recorded if row[2] is not None]
        fanout.send(found)
        self._count(MetricName.FIRED, Counter(fire.due.agent_id for fire, _ in found))
        self._count(MetricName.MISSED, missed or {})
        return max(moved, len(found))

    def _due(self) -> tuple[list[Due], datetime | None]:
        """Schedules that are due, and the database's time; None when there are none."""
        rows = self._database.run(
            self._sql["schedules_due"],
            {
                "ahead_seconds": AHEAD.total_seconds(),
                "inline_bytes": PARAMS_BYTES,
                "page": self._page,
            },
        )
        return [Due._make(row[1:]) for row in rows], rows[0][0] if rows else None

    def _count(self, name: str, counts: Mapping[str, int]) -> None:
        for agent_id, count in counts.items():
            self._metrics(agent_id).count(name, count)

    def _leave_to_relay(self, unsent: Sequence[Fire]) -> None:
        by_agent: dict[str, list[str]] = defaultdict(list)
        for fire in unsent:
            by_agent[fire.due.agent_id].append(fire.job_id)
        for agent_id, job_ids in by_agent.items():
            self._log.warning(
                "%d fires of %s were not sent; the relay will", len(job_ids), agent_id
            )
            self._database.run(
                self._sql["fires_unsent"],
                {
                    "agent_id": agent_id,
                    "job_ids": job_ids,
                    "pause_seconds": UNSENT_PAUSE.total_seconds(),
                },
            )


@lru_cache(maxsize=1024)
def _lanes(queues: str | None) -> Mapping[str, str]:
    """Lane to queue URL, of the text that agents' schedules share."""
    import json

    return json.loads(queues) if queues is not None else {}
