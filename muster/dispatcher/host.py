"""Composes the dispatcher from its environment, for a scheduled Lambda function."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from muster.clock import Clock
from muster.contracts import DISPATCHER, DispatcherEnvironment, MetricName
from muster.dispatcher.duties import Duties
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.tick import Tick
from muster.fleet_settings import FleetSettings
from muster.intake.limit import IntakeLimit
from muster.metrics import MetricsByAgent
from muster.outbound import Outbound
from muster.ports import Queues
from muster.store.connection import Database
from muster.store.ledger import Ledger

#: Left at the end of an invocation for giving the lease back and writing metrics.
INVOCATION_MARGIN = timedelta(seconds=5)

#: Calls of SQS on their way at once, while fires are sent; and questions to endpoints.
CONNECTIONS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class DispatcherHost:
    """What outlives a tick in a warm function."""

    database: Database
    ledger: Ledger
    queues: Queues
    clock: Clock
    log: Any
    lanes: LaneChoice
    task_events: str
    fleet: FleetSettings
    keep_days: int
    event_hints: bool
    outbound: Outbound
    metrics: MetricsByAgent
    intake_limit: IntakeLimit | None = None

    def tick(self, *, holder: str, time_left: timedelta) -> dict[str, Any]:
        """Run one tick as `holder`.

        Raises:
            StoreUnavailable: Postgres is away; the platform counts a failed tick.
        """
        duties = Duties(
            database=self.database,
            ledger=self.ledger,
            queues=self.queues,
            metrics=self.metrics,
            clock=self.clock,
            log=self.log,
            lanes=self.lanes,
            task_events=self.task_events,
            connections=CONNECTIONS,
            fleet=self.fleet,
            keep_days=self.keep_days,
            event_hints=self.event_hints,
            outbound=self.outbound,
            intake_limit=self.intake_limit,
        )
        try:
            report = Tick(
                database=self.database,
                duties=duties.all(),
                holder=holder,
                clock=self.clock,
                log=self.log,
            ).run(time_left=time_left - INVOCATION_MARGIN)
            self.metrics(DISPATCHER).count(MetricName.TICK)
        finally:
            self.metrics.flush()
        summary = {
            "led": report.led,
            "done": dict(report.done),
            "failed": list(report.failed),
            "unfinished": report.unfinished,
        }
        self.log.info("tick", extra=summary)
        return summary


@cache
def dispatcher_host() -> DispatcherHost:
    """The host of this process, composed at the first tick."""
    from muster.aws.secrets import Secrets
    from muster.aws.transport import quickest_queues
    from muster.clock import SystemClock
    from muster.log import logger
    from muster.store.opening import open_database

    environment = DispatcherEnvironment.from_environ(os.environ)
    clock, log = SystemClock(), logger(DISPATCHER)
    database = open_database(environment, secrets=Secrets())
    return DispatcherHost(
        database=database,
        ledger=Ledger(database, clock=clock),
        queues=quickest_queues(),
        clock=clock,
        log=log,
        lanes=LaneChoice(log),
        task_events=environment.task_events_queue_url,
        fleet=FleetSettings.from_json(environment.fleet),
        keep_days=int(environment.keep_days),
        event_hints=environment.event_hints == "yes",
        outbound=Outbound.of(environment, egress="internet"),
        metrics=MetricsByAgent(environment.stage),
        intake_limit=IntakeLimit.from_json(environment.intake_limit),
    )
