"""What the dispatcher measures each minute: what waits, what runs, and what is late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from muster.contracts import DISPATCHER, MetricName
from muster.errors import MusterError
from muster.metrics import EmbeddedMetrics
from muster.ports import Depth, Queues
from muster.store.connection import Database
from muster.store.statements import statements

#: A pending job that starts later than this waits on purpose: it is not counted as unfinished.
PURPOSE = timedelta(minutes=15)


class MetricsFor(Protocol):
    """The metrics of an agent, or of one of its lanes."""

    def __call__(self, agent_id: str, lane: str | None = None) -> EmbeddedMetrics: ...


class Measuring:
    """The duty that measures, once a tick.

    Args:
        burial_grace: how long a worker may take to send a dead letter itself.
    """

    def __init__(
        self, *, database: Database, queues: Queues, metrics: MetricsFor, burial_grace: timedelta
    ) -> None:
        self._database = database
        self._queues = queues
        self._metrics = metrics
        self._burial_grace = burial_grace
        self._sql = statements("dispatch")
        self._done = False

    def page(self) -> int:
        """Measure all; SQS's own metrics sleep on idle queues, and cannot see the ledger.

        Raises:
            MusterError: a queue could not be measured; all the others were.
        """
        if self._done:
            return 0
        self._done = True
        self._lateness()
        self._ages()
        self._agents()
        return 1

    def _lateness(self) -> None:
        """Measured after relay and burial of the same tick: what is late now, they could not send."""
        [(relay, burial)] = self._database.run(
            self._sql["lags"], {"grace_seconds": self._burial_grace.total_seconds()}
        )
        own = self._metrics(DISPATCHER)
        own.seconds(MetricName.RELAY_LAG, relay)
        own.seconds(MetricName.BURIAL_LAG, burial)

    def _ages(self) -> None:
        rows = self._database.run(
            self._sql["oldest_unfinished"], {"ahead_seconds": PURPOSE.total_seconds()}
        )
        for agent_id, age in rows:
            self._metrics(agent_id).seconds(MetricName.OLDEST_UNFINISHED, max(0.0, age))

    def _agents(self) -> None:
        running = dict(self._database.run(self._sql["running_counts"]))
        listeners = dict(self._database.run(self._sql["listener_counts"]))
        problem: MusterError | None = None
        measured: list[tuple[str, str, Depth]] = []
        for agent_id, endpoint in self._database.run(self._sql["queue_endpoints"]):
            runs = running.get(agent_id, 0)
            self._metrics(agent_id).gauge(MetricName.RUNNING, runs)
            try:
                depths = {lane: self._queues.depth(url) for lane, url in endpoint["queues"].items()}
            except MusterError as error:
                problem = error
                continue
            measured += [(agent_id, lane, depth) for lane, depth in depths.items()]
            self._backlog(agent_id, depths)
            if "service" in endpoint:
                self._demand(agent_id, depths, runs=runs, listeners=listeners.get(agent_id, 0))
        self._keep(measured)
        if problem is not None:
            raise problem

    def _backlog(self, agent_id: str, depths: Mapping[str, Depth]) -> None:
        waiting = sum(depth.visible for depth in depths.values())
        self._metrics(agent_id).gauge(MetricName.BACKLOG, waiting)
        for lane in depths if len(depths) > 1 else ():
            self._metrics(agent_id, lane).gauge(MetricName.LANE_BACKLOG, depths[lane].visible)

    def _demand(
        self, agent_id: str, depths: Mapping[str, Depth], *, runs: int, listeners: int
    ) -> None:
        # What SQS holds back for a time counts too: a task stands when a schedule's job is due.
        # What waits for its retry does not: it is in flight, for up to a quarter of an hour.
        demand = runs + sum(depth.visible + depth.delayed for depth in depths.values())
        self._metrics(agent_id).gauge(MetricName.DEMAND, demand)
        if demand:
            self._metrics(agent_id).gauge(MetricName.LISTENERS, listeners)

    def _keep(self, measured: Sequence[tuple[str, str, Depth]]) -> None:
        self._database.run(
            self._sql["keep_depths"],
            {
                "agent_ids": [agent_id for agent_id, _, _ in measured],
                "lanes": [lane for _, lane, _ in measured],
                "visible": [depth.visible for _, _, depth in measured],
                "in_flight": [depth.in_flight for _, _, depth in measured],
                "delayed": [depth.delayed for _, _, depth in measured],
            },
        )
