"""Fires schedules: what falls due soon is recorded now and sent with its exact delay.

    due (read) -> decide (pure) -> fire (one guarded statement) -> send (no transaction open)

A crash before the statement changes nothing, one after it leaves pending executions that the relay sends.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from muster.clock import Clock
from muster.contracts import MetricName
from muster.crashpoint import crashpoint
from muster.dispatcher.due import Due, Fire
from muster.dispatcher.lane_choice import LaneChoice
from muster.metrics import EmbeddedMetrics
from muster.ports import Queues
from muster.retry import RELAY_GRACE
from muster.schedule.rule import BadRule
from muster.schedule.step import Step, step
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements

#: Schedules read, and moved on, in one statement.
PAGE = 500

#: Fired ahead of time: several ticks may be late or lost before a fire is.
AHEAD = timedelta(seconds=300)

#: What a queue did not take is left to the next tick: this one's relay comes too soon after.
UNSENT_PAUSE = timedelta(seconds=90)

#: Messages whose delay is computed together: SQS's largest batch.
_BATCH = 10


class Firing:
    """The duty `fire`."""

    def __init__(
        self,
        *,
        database: Database,
        queues: Queues,
        metrics: Callable[[str], EmbeddedMetrics],
        clock: Clock,
        log: logging.Logger,
        lanes: LaneChoice,
    ) -> None:
        self._database = database
        self._queues = queues
        self._metrics = metrics
        self._clock = clock
        self._log = log
        self._lanes = lanes
        self._sql = statements("schedule")

    def page(self) -> int:
        """Fire a page of schedules, each for its next planned time; says how many moved on."""
        due = self._due()
        if not due:
            return 0
        steps = [self._step(schedule) for schedule in due]
        fires = {fire.execution_id: fire for _, fire in steps if fire is not None}
        asked = self._clock.monotonic()
        rows = self._database.run(
            self._sql["fire"],
            {
                "steps": document([fields for fields, _ in steps]),
                "count": len(steps),
                "grace_seconds": RELAY_GRACE.total_seconds(),
            },
        )
        crashpoint("fire.before_send")
        waits = {execution_id: wait for _, execution_id, wait in rows if execution_id is not None}
        self._send([(fires[found], asked + wait) for found, wait in waits.items()])
        crashpoint("fire.after_send")
        return max(rows[0][0], len(waits))

    def _due(self) -> list[Due]:
        rows = self._database.run(
            self._sql["schedules_due"], {"ahead_seconds": AHEAD.total_seconds(), "page": PAGE}
        )
        return [Due.from_row(row) for row in rows]

    def _step(self, due: Due) -> tuple[dict[str, Any], Fire | None]:
        """What to write for a schedule, and what it fires."""
        problem = None
        try:
            decided = step(
                due.rule(),
                next_at=due.next_at,
                effective=due.effective,
                ready=due.queues is not None,
                now=due.now,
                horizon=due.now + AHEAD,
            )
        except (BadRule, ValueError, TypeError, ArithmeticError) as bad:
            # It was written by hand; a schedule that cannot be planned must not keep others from firing.
            decided, problem = Step(), str(bad)
            self._log.error("schedule %s of %s cannot fire: %s", due.name, due.agent_id, bad)
        fire = due.fire(decided.planned, self._lanes)
        return due.fields(decided, fire, problem), fire

    def _send(self, fires: Sequence[tuple[Fire, float]]) -> None:
        """Send each fire so that it appears at its time, a moment of the monotonic clock, or just before."""
        by_queue: dict[str, list[tuple[Fire, float]]] = defaultdict(list)
        for fire, at in sorted(fires, key=lambda entry: entry[1]):
            by_queue[fire.queue_url].append((fire, at))
            self._metrics(fire.due.agent_id).count(MetricName.FIRED)
        for queue_url, entries in by_queue.items():
            for batch in _batches(entries):
                now = self._clock.monotonic()
                messages = [fire.message(at - now) for fire, at in batch]
                results = self._queues.send_batch(queue_url, messages)
                unsent = [
                    fire for (fire, _), sent in zip(batch, results, strict=True) if not sent.ok
                ]
                self._leave_to_relay(unsent)

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


def _batches(
    entries: Sequence[tuple[Fire, float]],
) -> Iterator[Sequence[tuple[Fire, float]]]:
    for begin in range(0, len(entries), _BATCH):
        yield entries[begin : begin + _BATCH]
