"""The upkeep of the ledger: what workers, queues and processes left undone.

The dispatcher does it at each tick, for every agent. The leader of an agent's listeners does it too, so that
it does not depend on the dispatcher alone: what only the database is needed for, for every agent, and what is
sent, for its own. Both at once are harmless, since every duty claims its rows.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from muster.contracts import DISPATCHER, MetricName
from muster.crashpoint import crashpoint
from muster.dead_letter import dead_letter
from muster.dispatcher.carrier import carrier
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.measuring import MetricsFor
from muster.dispatcher.tick import Duty
from muster.fleet_settings import FleetSettings
from muster.model import Failure
from muster.ports import Outgoing, Queues
from muster.store.connection import Database, Row
from muster.store.instances import Instances
from muster.store.leases import Leases
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


class Upkeep:
    """Its duties on one database and its queues.

    Args:
        agent_id: whose jobs are sent again and buried; None: every agent's.
    """

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        queues: Queues,
        metrics: MetricsFor,
        lanes: LaneChoice,
        fleet: FleetSettings,
        agent_id: str | None = None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._queues = queues
        self._metrics = metrics
        self._lanes = lanes
        self._fleet = fleet
        self._agent_id = agent_id
        self._sql = statements("dispatch")

    def all(self) -> tuple[Duty, ...]:
        """Every duty: what is rescued is relayed at once, what has failed is buried."""
        return (
            Duty(name="rescue", page=self.rescue),
            Duty(name="overdue", page=self.overdue),
            Duty(name="relay", page=self.relay),
            Duty(name="bury", page=self.bury),
            Duty(name="let_go", page=self.let_go),
            Duty(name="instances", page=self.instances),
            Duty(name="leases", page=self.leases),
        )

    def rescue(self) -> int:
        """Take executions back from workers that are gone."""
        rows = self._database.run(
            self._sql["rescue"],
            {"grace_seconds": RESCUE_GRACE.total_seconds(), "page": PAGE},
        )
        crashpoint("rescue.after")
        for agent_id, _, count in rows:
            self._metrics(agent_id).count(MetricName.RESCUED, count)
        if rows:
            self._metrics(DISPATCHER).count(MetricName.RESCUES, sum(row[2] for row in rows))
        return self._ended(rows)

    def overdue(self) -> int:
        """Fail attempts that hold their lease long after their agent's timeout: run timed out."""
        return self._ended(
            self._database.run(
                self._sql["overdue"],
                {
                    "stuck_seconds": self._fleet.stuck_after,
                    "grace_seconds": RESCUE_GRACE.total_seconds(),
                    "page": PAGE,
                },
            )
        )

    def relay(self) -> int:
        """Send pending executions again that nothing carries; a failed send is repeated by a later tick."""
        self._database.run(self._sql["turns_come"])
        rows = self._database.run(
            self._sql["relay_due"],
            {
                "agent_id": self._agent_id,
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
            {
                "agent_id": self._agent_id,
                "grace_seconds": BURIAL_GRACE.total_seconds(),
                "page": PAGE,
            },
        )
        by_queue: dict[str, list[Failure]] = defaultdict(list)
        for *fields, queue_url in rows:
            by_queue[queue_url].append(_failure(fields))
        sent: list[Failure] = []
        for queue_url, failures in by_queue.items():
            results = self._queues.send_batch(queue_url, [dead_letter(f) for f in failures])
            for failure, result in zip(failures, results, strict=True):
                if result.ok:
                    sent.append(failure)
                else:
                    self._metrics(failure.agent_id).count(MetricName.LETTERS_REFUSED)
        if sent:
            self._ledger.dead_letters_sent(sent)
        for failure in sent:
            self._metrics(failure.agent_id).count(MetricName.DEAD_LETTERS)
        return len(sent)

    def let_go(self) -> int:
        """Owe no dead letter where there is no queue for it; the failure itself stays in the ledger."""
        wanted = {"grace_seconds": BURIAL_GRACE.total_seconds(), "page": PAGE}
        [(count,)] = self._database.run(self._sql["letters_without_queue"], wanted)
        return count

    def instances(self) -> int:
        """Mark processes that no longer beat."""
        return len(Instances(self._database).sweep())

    def leases(self) -> int:
        """Remove leases that ended long ago: of leaders whose agent is gone."""
        return Leases(self._database).forget()

    def _ended(self, rows: list[Row]) -> int:
        for agent_id, status, count in rows:
            if status == "failed":
                self._metrics(agent_id).count(MetricName.FAILED, count)
        return sum(count for _, _, count in rows)


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
