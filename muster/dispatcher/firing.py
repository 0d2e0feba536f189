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
from functools import partial
from typing import Any

from muster.clock import Clock
from muster.contracts import DISPATCHER, MetricName
from muster.crashpoint import crashpoint
from muster.dispatcher.due import Due
from muster.dispatcher.fanout import Fanout
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.planning import Planning
from muster.dispatcher.sending import Sending
from muster.metrics import EmbeddedMetrics
from muster.ports import Queues
from muster.retry import RELAY_GRACE
from muster.store.connection import Database
from muster.store.document import document
from muster.store.identifier import new_execution_prefix
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
        planning: Planning | None = None
        sending = Sending(self._database, lanes=self._lanes)
        with Fanout(self._queues, clock=self._clock, connections=self._connections) as fanout:
            for _ in range(ROUND):
                due, now = self._due(planning)
                if now is None:
                    break
                # Pages that follow one another are decided on as if at one moment.
                planning = planning or Planning(now=now, horizon=now + AHEAD)
                advanced = self._record(due, planning, sending, fanout)
                moved += advanced
                # Nothing: others are at the same schedules, and would be met again at once.
                if not advanced or sum(schedules.size for schedules in due) < self._page:
                    break
        self._leave_to_relay([*fanout.unsent, *sending.stranded])
        crashpoint("fire.after_send")
        return moved

    def _record(
        self, due: Sequence[Due], planning: Planning, sending: Sending, fanout: Fanout
    ) -> int:
        """Record a page and let it be sent."""
        steps: list[dict[str, Any]] = []
        count = 0
        for schedules in due:
            decision = planning.decide(schedules)
            if decision.problem is not None:
                self._log.error(
                    "schedule %s of %s, and as many as %d, cannot fire: %s",
                    schedules.name,
                    schedules.agent_id,
                    schedules.size,
                    decision.problem,
                )
            steps.append(schedules.fields(decision, before=count))
            count += schedules.size
        asked = self._clock.monotonic()
        recorded = self._database.run(
            self._sql["fire"],
            {
                "steps": document(steps),
                "count": count,
                "ids": new_execution_prefix(now=planning.now),
                "grace_seconds": RELAY_GRACE.total_seconds(),
                "inline_bytes": PARAMS_BYTES,
            },
        )
        crashpoint("fire.before_send")
        moved, missed = recorded[0][:2]
        found = [row[2:] for row in recorded if row[2] is not None]
        fired = Counter(row[0] for row in found)
        sending.learn(set(fired))
        fanout.send(partial(sending.fires, found, asked=asked))
        self._count(MetricName.FIRED, fired)
        if missed:
            self._count(MetricName.MISSED, missed)
            self._metrics(DISPATCHER).count(MetricName.MISSED_FIRES, sum(missed.values()))
        return max(moved, len(found))

    def _due(self, planning: Planning | None) -> tuple[list[Due], datetime | None]:
        """Schedules that are due, and the database's time; None when there are none."""
        rows = self._database.run(
            self._sql["schedules_due"],
            {
                "until": planning and planning.horizon,
                "ahead_seconds": AHEAD.total_seconds(),
                "page": self._page,
            },
        )
        return [Due._make(row[1:]) for row in rows], rows[0][0] if rows else None

    def _count(self, name: str, counts: Mapping[str, int]) -> None:
        for agent_id, count in counts.items():
            self._metrics(agent_id).count(name, count)

    def _leave_to_relay(self, unsent: Sequence[tuple[str, str]]) -> None:
        by_agent: dict[str, list[str]] = defaultdict(list)
        for agent_id, job_id in unsent:
            by_agent[agent_id].append(job_id)
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
