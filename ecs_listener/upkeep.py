"""What the leader of an agent's listeners does for the ledger, as the dispatcher does."""

from __future__ import annotations

from ecs_listener.ground import Ground
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.tick import do_duties
from muster.dispatcher.upkeep import Upkeep
from muster.metrics import MetricsByAgent
from muster.ports import Queues
from muster.store.connection import Database
from muster.store.ledger import Ledger


class LeaderUpkeep:
    """The dispatcher's upkeep in a listener: it sends for its own agent only, since it may do no more."""

    def __init__(self, ground: Ground, *, database: Database, queues: Queues) -> None:
        self._clock = ground.clock
        self._log = ground.log
        self._metrics = MetricsByAgent(ground.environment.stage)
        self._upkeep = Upkeep(
            database=database,
            ledger=Ledger(database, clock=ground.clock),
            queues=queues,
            metrics=self._metrics,
            lanes=LaneChoice(ground.log),
            fleet=ground.settings.fleet,
            agent_id=ground.manifest.id,
        )

    def __call__(self, end: float) -> bool:
        """Do it until that moment of the monotonic clock; false: something is left to do."""
        report = do_duties(self._upkeep.all(), end=end, clock=self._clock, log=self._log)
        self._metrics.flush()
        if done := {name: count for name, count in report.done.items() if count}:
            self._log.info("looked after the ledger", extra={"done": done})
        return not report.unfinished
