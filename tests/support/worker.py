"""A worker of a test agent on a real ledger: deliver messages to it, let time pass, look at what it did.

The agent's effect is a row of the table `effect` with a unique key, so that invariant I2 can be counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from muster.agent_secrets import no_secrets
from muster.execution.attempt import Agent, Attempts
from muster.execution.burial import Burial
from muster.execution.configuration import Configuration
from muster.execution.disposition import Disposition, Fate
from muster.execution.record import Recorder
from muster.execution.worker import Worker
from muster.fleet_settings import FleetSettings
from muster.intake.limit import IntakeLimit
from muster.isolation.in_thread import InThread
from muster.job import Job
from muster.ports import Outgoing, Queues, Visibility
from muster.store.agent_config import current_config
from muster.store.connection import Database
from muster.store.ledger import Ledger
from tests.support.clerk import AGENT, Clerk, claimant, database_of
from tests.support.invariants import Queued, effects_once, history_holds, nothing_lost
from tests.support.logins import DISPATCHER, WORKER, as_login
from tests.support.objects import MemoryObjects
from tests.support.queues import MemoryQueues, StoredMessage
from tests.support.telling import MemoryLog, MemoryMetrics
from tests.support.timepiece import Timepiece

if TYPE_CHECKING:
    from muster.dispatcher.duties import Duties
    from muster.dispatcher.tick import TickReport

Behaviour = Callable[[Job], Any]

_EFFECT = (
    "INSERT INTO effect (job_id) VALUES (%s)"
    " ON CONFLICT (job_id) DO UPDATE SET times = effect.times + 1"
)


class Workshop:
    """One agent with a lane, a DLQ, a ledger, a worker and a dispatcher.

    Args:
        url: of the worker's database, by way of a proxy if need be.
        behaviour: the agent's function; None only has the effect.
        options: of the agent: caller, timeout, max_attempts, check_params, config, config_schema,
            secrets.
        clock: of queues, worker and dispatcher; the ledger has the database's.
    """

    def __init__(
        self,
        url: str,
        *,
        direct_url: str | None = None,
        behaviour: Behaviour | None = None,
        database: Database | None = None,
        fleet: FleetSettings | None = None,
        clock: Timepiece | None = None,
        **options: Any,
    ) -> None:
        self._fleet = fleet
        #: What the dispatcher is told of what may be metered.
        self.intake_limit: IntakeLimit | None = None
        self.clock = clock or Timepiece()
        self._open_queues()
        self.clerk = Clerk(direct_url or url)
        self.database = database or database_of(as_login(url, WORKER))
        self.ledger = Ledger(self.database)
        self.dispatching = database or database_of(as_login(url, DISPATCHER))
        self.objects = MemoryObjects()
        self.objects.create("results")
        self.metrics, self.log = MemoryMetrics(), MemoryLog()
        self.behaviour = behaviour
        self.accepted: list[str] = []
        self._options = {"timeout": timedelta(seconds=5), "max_attempts": 3, **options}
        self._set_up()

    def _open_queues(self) -> None:
        self.queues: Queues = MemoryQueues(clock=self.clock)
        self.lane = self.memory.create("lane")
        self.dlq = self.memory.create("dlq")
        self.task_events: str | None = self.memory.create("task-events")

    def _set_up(self) -> None:
        self.clerk.query(
            "CREATE TABLE IF NOT EXISTS effect (job_id text PRIMARY KEY, times int NOT NULL DEFAULT 1)"
        )
        endpoint = {"type": "sqs", "queues": {"normal": self.lane}, "dlq": self.dlq}
        self.clerk.register(endpoint=json.dumps(endpoint))

    @property
    def memory(self) -> MemoryQueues:
        """The queues, as the fake that they are."""
        assert isinstance(self.queues, MemoryQueues)
        return self.queues

    def close(self) -> None:
        """Leave no connection behind."""
        self.database.close()
        self.dispatching.close()
        self.clerk.close()

    # --- the agent ---

    def effect(self, job_id: str) -> None:
        """What the agent does to the world."""
        self.clerk.query(_EFFECT, job_id)

    def _run(self, job: Job) -> Any:
        if self.behaviour is not None:
            return self.behaviour(job)
        self.effect(job.id)
        return {"attempt": job.attempt}

    def worker(self, **who: Any) -> Worker:
        """A worker process of this agent, freshly composed."""
        agent = Agent(
            agent_id=AGENT,
            version="1.0.0",
            caller=self._options.get("caller") or InThread(self._run),
            check_params=self._options.get("check_params", lambda _: None),
            timeout=self._options["timeout"],
            max_attempts=self._options["max_attempts"],
            secrets=self._options.get("secrets") or no_secrets(),
            configuration=Configuration(
                agent_id=AGENT,
                defaults=self._options.get("config", {}),
                schema=self._options.get("config_schema"),
                read=lambda: current_config(self.database, agent_id=AGENT),
                clock=self.clock,
                log=self.log.logger,
            ),
        )
        recorder = Recorder(log=self.log.logger, metrics=self.metrics, clock=self.clock)
        return Worker(
            agent=agent,
            claimant=claimant(max_attempts=agent.max_attempts, **who),
            ledger=self.ledger,
            attempts=Attempts(
                agent=agent,
                ledger=self.ledger,
                objects=self.objects,
                results_bucket="results",
                clock=self.clock,
                log=self.log.logger,
                jitter=lambda: 0.0,
            ),
            burial=Burial(
                queues=self.queues,
                queue_url=self.dlq,
                ledger=self.ledger,
                recorder=recorder,
                clock=self.clock,
            ),
            recorder=recorder,
            clock=self.clock,
        )

    # --- messages ---

    def send(self, *job_ids: str, params: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Send an envelope for each job."""
        for job_id in job_ids:
            body = {"muster": 1, "job_id": job_id, "params": params or {"n": 1}, **fields}
            self.send_body(json.dumps(body))
            self.accepted.append(job_id)

    def send_body(self, body: str, attributes: Mapping[str, str] | None = None) -> str:
        """Send any body; its message id."""
        [sent] = self.queues.send_batch(
            self.lane, [Outgoing(body=body, attributes=attributes or {})]
        )
        return str(sent.message_id)

    def deliver(
        self,
        *,
        time_left: timedelta = timedelta(minutes=2),
        worker: Worker | None = None,
        lose_deletes: bool = False,
    ) -> list[Disposition]:
        """Receive a batch, have it processed and do what the worker says with each message."""
        messages = self.queues.receive(self.lane, wait=timedelta(0))
        fates = (worker or self.worker()).process(messages, time_left=time_left)
        done = [m.receipt_handle for m in messages if fates[m.message_id].fate is Fate.ACKNOWLEDGE]
        back = [
            Visibility(receipt_handle=m.receipt_handle, after=fates[m.message_id].after)
            for m in messages
            if fates[m.message_id].fate is Fate.RETURN
        ]
        if not lose_deletes:
            self.queues.delete_batch(self.lane, done)
        self.queues.change_visibility_batch(self.lane, back)
        return [fates[m.message_id] for m in messages]

    def redrive(self) -> int:
        """Move every dead letter back to the lane, as the console does: under a new message id."""
        letters, self.memory.stored[self.dlq] = self.memory.stored[self.dlq], []
        for letter in letters:
            self.send_body(letter.body, letter.attributes)
        return len(letters)

    def letters(self) -> list[Mapping[str, str]]:
        """The attributes of each dead letter."""
        return [letter.attributes for letter in self.memory.stored[self.dlq]]

    def moved_letters(self) -> list[Mapping[str, str]]:
        """The attributes of each dead letter that was moved back and waits in the lane."""
        lane = self.memory.stored[self.lane]
        return [m.attributes for m in lane if "muster-dead-letter" in m.attributes]

    # --- time ---

    def skip(self, time: timedelta) -> None:
        """Let time pass at once, for queues, worker and ledger."""
        self.clock.skip(time)
        moved = ("available_at", "relay_after", "lease_expires_at", "updated_at")
        changes = ", ".join(f"{column} = {column} - %s" for column in moved)
        waiting = "status IN ('pending', 'running') OR dlq_pending"  # the others wait for no time
        self.clerk.query(
            f"UPDATE agent_job_execution SET {changes} WHERE {waiting}", *[time] * len(moved)
        )
        self.clerk.query("UPDATE lease SET expires_at = expires_at - %s", time)

    def duties(self, *, database: Database | None = None) -> Duties:
        """What the dispatcher does, on this ledger and these queues."""
        from muster.dispatcher.duties import Duties  # here: processes of workers have no need of it

        database = database or self.dispatching
        return Duties(
            database=database,
            ledger=Ledger(database),
            queues=self.queues,
            task_events=self.task_events,
            fleet=self._fleet,
            intake_limit=self.intake_limit,
            metrics=lambda _, lane=None: self.metrics.of_lane(lane),  # pyright: ignore[reportArgumentType] - the fake has what is used
        )

    def tick(self, *, holder: str = "dispatcher-1") -> TickReport:
        """One tick of the dispatcher."""
        from muster.dispatcher.tick import Tick

        return Tick(
            database=self.dispatching,
            duties=self.duties().all(),
            holder=holder,
            clock=self.clock,
            log=self.log.logger,
        ).run(time_left=timedelta(seconds=30))

    def settle_down(self, *, rounds: int = 60) -> None:
        """Deliver and tick, letting time pass, until every job is at rest."""
        for number in range(rounds):
            if self._rests():
                return
            self.deliver()
            self.skip(timedelta(seconds=20))
            if number % 3 == 2:
                self.tick()
        raise AssertionError(f"not at rest: {self.problems(at_rest=True)}")

    def _rests(self) -> bool:
        busy = "SELECT 1 FROM agent_job_execution WHERE status IN ('pending', 'running') OR dlq_pending"
        return not self.lane_jobs() and not self.clerk.query(busy)

    def lane_jobs(self) -> list[str]:
        """The job of every message in the lane, hidden ones included."""
        return [_job_of(message) for message in self.memory.stored[self.lane]]

    # --- invariants ---

    def problems(self, *, at_rest: bool = False, repeats: tuple[str, ...] = ()) -> list[str]:
        """What is wrong with I1 to I4 now."""
        letters = [a["muster-dead-letter"] for a in [*self.letters(), *self.moved_letters()]]
        queued = Queued(lane=self.lane_jobs(), letters=letters)
        look = self.clerk.query
        return [
            *nothing_lost(look, accepted=self.accepted, queued=queued, at_rest=at_rest),
            *effects_once(look, repeats=repeats),
            *history_holds(look),
        ]


def _job_of(message: StoredMessage) -> str:
    """The job that a message asks for; its own id where it does not say."""
    try:
        return json.loads(message.body)["job_id"]
    except (ValueError, LookupError, TypeError):
        return message.message_id
