"""The duties of a tick: what has a time first, and what is rescued is relayed at once."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta
from typing import Any, Protocol

from muster.clock import Clock, SystemClock
from muster.contracts import MetricName
from muster.crashpoint import crashpoint
from muster.dead_letter import dead_letter
from muster.dispatcher.carrier import carrier
from muster.dispatcher.firing import Firing
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.stopped_tasks import StoppedTasks
from muster.dispatcher.tick import Duty
from muster.errors import MusterError
from muster.metrics import EmbeddedMetrics
from muster.model import Failure
from muster.ports import Outgoing, Queues
from muster.store.connection import Database, Row
from muster.store.ledger import Ledger
from muster.store.statements import statements

#: Rows taken in one statement.
PAGE = 500

#: How long past its end a lease is left alone: its holder may be settling.
RESCUE_GRACE = timedelta(seconds=3)

#: What falls due before the next tick is sent now, with its delay.
RELAY_AHEAD = timedelta(seconds=60)

#: Pause before a relayed job that still nobody took is relayed again; doubles each time.
RELAY_PAUSE = timedelta(minutes=3)

#: A failure's own worker gets this long to send its dead letter.
BURIAL_GRACE = timedelta(seconds=30)

#: Months for which partitions exist ahead.
PARTITIONS_AHEAD = 2


class MetricsFor(Protocol):
    """The metrics of an agent, or of one of its lanes."""

    def __call__(self, agent_id: str, lane: str | None = None) -> EmbeddedMetrics: ...


class Duties:
    """What the dispatcher does with one database and its queues."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        queues: Queues,
        metrics: MetricsFor,
        clock: Clock | None = None,
        log: logging.Logger | None = None,
        lanes: LaneChoice | None = None,
        task_events: str | None = None,
        connections: int = 1,
    ) -> None:
        log = log or logging.getLogger(__name__)
        self._database = database
        self._ledger = ledger
        self._queues = queues
        self._metrics = metrics
        self._sql = statements("dispatch")
        self._measured = False
        self._lanes = lanes or LaneChoice(log)
        self._stopped = (
            StoppedTasks(
                database=database, queues=queues, queue_url=task_events, grace=RESCUE_GRACE
            )
            if task_events
            else None
        )
        self._clock = clock or SystemClock()
        self._firing = Firing(
            database=database,
            queues=queues,
            metrics=metrics,
            clock=self._clock,
            log=log,
            lanes=self._lanes,
            connections=connections,
        )

    def all(self) -> tuple[Duty, ...]:
        """Every duty, in order."""
        stopped = [Duty(name="stopped_tasks", page=self._stopped.page)] if self._stopped else []
        return (
            Duty(name="fire", page=self._firing.page),
            Duty(name="route", page=self.route),
            *stopped,
            Duty(name="rescue", page=self.rescue),
            Duty(name="relay", page=self.relay),
            Duty(name="bury", page=self.bury),
            Duty(name="measure", page=self.measure),
            Duty(name="partition", page=self.partition),
            Duty(name="instances", page=self.instances),
        )

    def rescue(self) -> int:
        """Take executions back from workers that are gone."""
        rows = self._database.run(
            self._sql["rescue"],
            {"grace_seconds": RESCUE_GRACE.total_seconds(), "page": PAGE},
        )
        crashpoint("rescue.after")
        for agent_id, status, count in rows:
            self._metrics(agent_id).count(MetricName.RESCUED, count)
            if status == "failed":
                self._metrics(agent_id).count(MetricName.FAILED, count)
        return sum(count for _, _, count in rows)

    def relay(self) -> int:
        """Send pending executions again that nothing carries; a failed send is repeated by a later tick."""
        self._database.run(self._sql["turns_come"])
        rows = self._database.run(
            self._sql["relay_due"],
            {
                "ahead_seconds": RELAY_AHEAD.total_seconds(),
                "pause_seconds": RELAY_PAUSE.total_seconds(),
                "page": PAGE,
            },
        )
        crashpoint("relay.before_send")
        by_queue: dict[str, list[Outgoing]] = defaultdict(list)
        for row in rows:
            agent_id, priority, endpoint = row[0], row[4], row[10]
            by_queue[self._lanes.url(agent_id, endpoint["queues"], priority)].append(_relayed(row))
            self._metrics(agent_id).count(MetricName.RELAYED)
        for queue_url, entries in by_queue.items():
            self._queues.send_batch(queue_url, entries)
        crashpoint("relay.after_send")
        return len(rows)

    def bury(self) -> int:
        """Send dead letters that their workers did not send. Stops at a page of which none went out."""
        rows = self._database.run(
            self._sql["dead_letters_due"],
            {"grace_seconds": BURIAL_GRACE.total_seconds(), "page": PAGE},
        )
        by_queue: dict[str, list[Failure]] = defaultdict(list)
        for *fields, queue_url in rows:
            by_queue[queue_url].append(_failure(fields))
        sent: list[Failure] = []
        for queue_url, failures in by_queue.items():
            results = self._queues.send_batch(queue_url, [dead_letter(f) for f in failures])
            sent += [f for f, result in zip(failures, results, strict=True) if result.ok]
        if sent:
            self._ledger.dead_letters_sent(sent)
        for failure in sent:
            self._metrics(failure.agent_id).count(MetricName.DEAD_LETTERS)
        return len(sent)

    def measure(self) -> int:
        """Publish each agent's backlog and running count; SQS's own metrics sleep on idle queues.

        Raises:
            MusterError: a queue could not be measured; all the others were.
        """
        if self._measured:
            return 0
        self._measured = True
        running = dict(self._database.run(self._sql["running_counts"]))
        problem: MusterError | None = None
        for agent_id, endpoint in self._database.run(self._sql["queue_endpoints"]):
            runs = running.get(agent_id, 0)
            self._metrics(agent_id).gauge(MetricName.RUNNING, runs)
            try:
                depths = {lane: self._queues.depth(url) for lane, url in endpoint["queues"].items()}
            except MusterError as error:
                problem = error
            else:
                backlog = sum(depth.visible for depth in depths.values())
                self._metrics(agent_id).gauge(MetricName.BACKLOG, backlog)
                for lane in depths if len(depths) > 1 else ():
                    waiting = depths[lane].visible
                    self._metrics(agent_id, lane).gauge(MetricName.LANE_BACKLOG, waiting)
                if "service" in endpoint:
                    # What SQS holds back for a time counts too: a task stands when a schedule's job is due.
                    # What waits for its retry does not: it is in flight, for up to a quarter of an hour.
                    soon = sum(depth.delayed for depth in depths.values())
                    self._metrics(agent_id).gauge(MetricName.DEMAND, backlog + soon + runs)
        if problem is not None:
            raise problem
        return 1

    def partition(self) -> int:
        """Create the partitions of the coming months."""
        made = self._database.run(self._sql["ensure_partitions"], {"months": PARTITIONS_AHEAD})
        return int(made[0][0])

    def route(self) -> int:
        """Look for agents that can do the tasks that wait; one that is found gets a job, which is relayed."""
        from muster.dispatcher.routing import route_waiting

        return route_waiting(self._database, clock=self._clock)

    def instances(self) -> int:
        """Mark processes that no longer beat, also while no listener is there to do it."""
        from muster.store.instances import Instances

        return len(Instances(self._database).sweep())


def _relayed(row: Row) -> Outgoing:
    names = (
        "agent_id", "job_id", "tenant", "params", "priority", "source", "scheduled_for", "traceparent",
        "hops",
    )  # fmt: skip
    *facts, delay, _ = row
    return carrier(delay=timedelta(seconds=delay), **dict(zip(names, facts, strict=True)))


def _failure(fields: list[Any]) -> Failure:
    names = (
        "execution_id", "created_at", "fence", "agent_id", "job_id", "tenant", "attempts", "params",
        "config", "body", "error", "priority", "source", "traceparent", "hops",
    )  # fmt: skip
    return Failure(**dict(zip(names, fields, strict=True)))
