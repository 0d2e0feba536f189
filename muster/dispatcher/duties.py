"""The duties of a tick: what has a time first, then the upkeep of the ledger, then what can wait."""

from __future__ import annotations

import logging

from muster.clock import Clock, SystemClock
from muster.contracts import KEEP_DAYS
from muster.dispatcher.endpoints import Endpoints
from muster.dispatcher.firing import Firing
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.measuring import Measuring, MetricsFor
from muster.dispatcher.retention import Retention
from muster.dispatcher.spending import Spending
from muster.dispatcher.stopped_tasks import StoppedTasks
from muster.dispatcher.tick import Duty
from muster.dispatcher.upkeep import BURIAL_GRACE, RESCUE_GRACE, Upkeep
from muster.fleet_settings import FleetSettings
from muster.intake.limit import IntakeLimit
from muster.outbound import Outbound
from muster.ports import Queues
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.statements import statements

#: Months for which partitions exist ahead.
PARTITIONS_AHEAD = 2


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
        fleet: FleetSettings | None = None,
        keep_days: int = KEEP_DAYS,
        event_hints: bool | None = None,
        outbound: Outbound | None = None,
        intake_limit: IntakeLimit | None = None,
    ) -> None:
        log = log or logging.getLogger(__name__)
        lanes = lanes or LaneChoice(log)
        self._database = database
        self._queues = queues
        self._metrics = metrics
        self._sql = statements("dispatch")
        self._event_hints = event_hints
        self._spending = Spending(database=database, limit=intake_limit, log=log)
        self._retention = Retention(database=database, keep_days=keep_days, log=log)
        self.upkeep = Upkeep(
            database=database,
            ledger=ledger,
            queues=queues,
            metrics=metrics,
            lanes=lanes,
            fleet=fleet or FleetSettings(),
        )
        self._stopped = (
            StoppedTasks(
                database=database,
                queues=queues,
                queue_url=task_events,
                grace=RESCUE_GRACE,
                metrics=metrics,
            )
            if task_events
            else None
        )
        self._clock = clock or SystemClock()
        self._endpoints = Endpoints(
            database=database, outbound=outbound or Outbound(), connections=connections
        )
        self._measuring = Measuring(
            database=database, queues=queues, metrics=metrics, burial_grace=BURIAL_GRACE
        )
        self._firing = Firing(
            database=database,
            queues=queues,
            metrics=metrics,
            clock=self._clock,
            log=log,
            lanes=lanes,
            connections=connections,
        )

    def all(self) -> tuple[Duty, ...]:
        """Every duty, in order."""
        stopped = [Duty(name="stopped_tasks", page=self._stopped.page)] if self._stopped else []
        return (
            Duty(name="fire", page=self._firing.page),
            Duty(name="route", page=self.route),
            *stopped,
            *self.upkeep.all(),
            Duty(name="measure", page=self._measuring.page),
            Duty(name="partition", page=self.partition),
            Duty(name="retention", page=self._retention.page),
            Duty(name="hints", page=self.hints),
            Duty(name="spending", page=self._spending.page),
            Duty(name="endpoints", page=self._endpoints.page),
        )

    def partition(self) -> int:
        """Create the partitions of the coming months."""
        made = self._database.run(self._sql["ensure_partitions"], {"months": PARTITIONS_AHEAD})
        return int(made[0][0])

    def route(self) -> int:
        """Look for agents that can do the tasks that wait; one that is found gets a job, which is relayed."""
        from muster.dispatcher.routing import route_waiting

        return route_waiting(self._database, clock=self._clock)

    def hints(self) -> int:
        """Have events hinted at or not, as the stage says; where it says nothing, as it is."""
        if self._event_hints is not None:
            self._database.run(self._sql["event_hints"], {"wanted": self._event_hints})
        return 0
