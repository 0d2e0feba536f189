"""What the leader of an agent's listeners does for the ledger, as the dispatcher does."""

from __future__ import annotations

import logging

from muster.clock import Clock
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.tick import do_duties
from muster.dispatcher.upkeep import Upkeep
from muster.fleet_settings import FleetSettings
from muster.metrics import MetricsByAgent
from muster.ports import Queues
from muster.store.connection import Database
from muster.store.ledger import Ledger


class LeaderUpkeep:
    """The dispatcher's upkeep in a listener: it sends for its own agent only, since it may do no more."""

    def __init__(
        self,
        *,
        database: Database,
        queues: Queues,
        agent_id: str,
        stage: str,
        fleet: FleetSettings,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._clock = clock
        self._log = log
        self._metrics = MetricsByAgent(stage)
        self._upkeep = Upkeep(
            database=database,
            ledger=Ledger(database, clock=clock),
            queues=queues,
            metrics=self._metrics,
            lanes=LaneChoice(log),
            fleet=fleet,
            agent_id=agent_id,
        )

    def __call__(self, end: float) -> bool:
        """Do it until that moment of the monotonic clock; false: something is left to do."""
        report = do_duties(self._upkeep.all(), end=end, clock=self._clock, log=self._log)
        self._metrics.flush()
        if done := {name: count for name, count in report.done.items() if count}:
            self._log.info("looked after the ledger", extra={"done": done})
        return not report.unfinished
