"""Puts the parts of a listener together: which talks to which, and on which connection."""

from __future__ import annotations

from ecs_listener.adoption import Adoption
from ecs_listener.agent_code import AgentCode
from ecs_listener.breaker import Breaker
from ecs_listener.burying import Burying
from ecs_listener.disposal import Disposal
from ecs_listener.gauges import tell_gauges
from ecs_listener.ground import Ground
from ecs_listener.health import HealthServer
from ecs_listener.holdings import Holdings
from ecs_listener.intake import Intake
from ecs_listener.launching import Launching
from ecs_listener.listener import Listener
from ecs_listener.parcel import Parcel
from ecs_listener.parts import Doing, Parts, Receiving
from ecs_listener.polling import Polling
from ecs_listener.polling_plan import PollingPlan
from ecs_listener.presence import Presence
from ecs_listener.renewal import Renewal
from ecs_listener.running import Running
from ecs_listener.settlement import Settlement
from ecs_listener.slot_keeper import SlotKeeper
from ecs_listener.supervision import Supervision
from ecs_listener.upkeep import LeaderUpkeep
from muster.aws.secrets import Secrets
from muster.aws.transport import queues_by
from muster.execution.burial import Burial
from muster.execution.disposition import Disposition, Fate
from muster.execution.record import Recorder
from muster.metrics import EmbeddedMetrics
from muster.model import Claimant
from muster.store.connection import Database
from muster.store.handovers import Handovers
from muster.store.instances import Instances
from muster.store.leases import Leases
from muster.store.ledger import Ledger
from muster.store.opening import settings_reader
from muster.store.renewals import Renewals
from muster.store.shared import SharedDatabase
from muster.store.slots import Slots

#: Bounds of one statement, and of all its tries: the ledger's parts try again by themselves, in seconds.
CALL_SECONDS = 5.0
RETRY_SECONDS = 6.0


def compose(ground: Ground) -> Listener:
    """The listener; nothing runs yet."""
    return _Composition(ground).listener()


class _Composition:
    def __init__(self, ground: Ground) -> None:
        self._ground, clock, telling = ground, ground.clock, ground.telling
        self._secrets = Secrets()
        self._queues = queues_by(ground.settings.transport)
        self._recorder = Recorder(log=ground.log, metrics=ground.metrics, clock=clock, threads=True)
        self._settings = settings_reader(ground.environment, secrets=self._secrets)
        self._jobs = SharedDatabase(
            self._settings, call_seconds=CALL_SECONDS, retry_seconds=RETRY_SECONDS
        )
        # A renewal that fails must leave time for another one, and waits for no job's statement.
        hold = ground.settings.visibility.total_seconds()
        self._holds = SharedDatabase(
            self._settings,
            call_seconds=min(CALL_SECONDS, hold / 4),
            retry_seconds=min(RETRY_SECONDS, hold / 6),
        )
        self._code = AgentCode(ground, jobs=self._jobs, secrets=self._secrets)
        self._slots = SlotKeeper(
            slots=Slots(self._holds, clock=clock),
            agent_id=ground.manifest.id,
            capacity=ground.settings.slots,
            holder=ground.instance.instance_id,
            lease=ground.settings.visibility,
            clock=clock,
            telling=telling,
        )
        self._disposal = Disposal(
            queues=self._queues, clock=clock, telling=telling, at_once=self._queues.at_once
        )
        self._holdings = Holdings(left=self._left, dispose=self._dispose)
        self._breaker = Breaker(clock=clock, changed=self._ledger_changed)
        self._polling: Receiving | None = None
        self._listener: Listener | None = None

    def listener(self) -> Listener:
        ground = self._ground
        running, settlement, burying, intake = self._make_path()
        polling = self._make_polling(running, settlement)
        self._polling = polling
        parts = Parts(
            polling=polling,
            intake=intake,
            running=running,
            settlement=settlement,
            burying=burying,
            disposal=self._disposal,
            renewal=self._make_renewal(),
            presence=self._make_presence(),
            supervision=Supervision(
                limit=self._code.agent.longest,
                hold=ground.settings.visibility,
                holdings=self._holdings,
                clock=ground.clock,
                telling=ground.telling,
                slot_ends=self._slots.ends,
            ),
            slots=self._slots,
            holdings=self._holdings,
            breaker=self._breaker,
            protection=ground.protection,
            deployment=ground.deployment,
        )
        cloud = EmbeddedMetrics(stage=ground.environment.stage, agent=ground.manifest.id)
        listener = Listener(
            parts=parts,
            room=ground.settings.concurrency,
            drain=ground.settings.drain,
            clock=ground.clock,
            telling=ground.telling,
            each_minute=lambda: ground.metrics.flush_to(cloud),
        )
        self._listener = listener
        self._serve(listener, parts)
        return listener

    def _make_polling(self, running: Doing, settlement: Settlement) -> Receiving:
        ground = self._ground
        if ground.errand is not None:
            return Adoption(
                errand=ground.errand,
                handovers=Handovers(self._database()),
                worker=ground.instance.instance_id,
                log_stream=ground.log_stream,
                lease=ground.settings.visibility,
                holdings=self._holdings,
                slots=self._slots,
                clock=ground.clock,
                telling=ground.telling,
                prepare=self._code.refresh,
                ready=running.put,
                settle=settlement.put,
                finished=lambda: self._made().signal(),
            )
        return Polling(
            queues=self._queues,
            plan=PollingPlan(
                ground.settings.lanes,
                room=ground.settings.concurrency,
                at_once=self._queues.at_once,
            ),
            visibility=ground.settings.visibility,
            clock=ground.clock,
            telling=ground.telling,
            take=lambda lane, came, now: self._made().take(lane, came, now),
            surplus=lambda lane, came, now: self._made().surplus(lane, came, now),
            may_receive=lambda: self._made().may_receive(),
        )

    def _make_path(self) -> tuple[Doing, Settlement, Burying, Intake]:
        ground = self._ground
        burying = Burying(
            burial=Burial(
                queues=self._queues,
                queue_url=ground.settings.dead_letter_queue_url,
                ledger=Ledger(self._jobs, clock=ground.clock),
                recorder=self._recorder,
                clock=ground.clock,
            ),
            holdings=self._holdings,
            recorder=self._recorder,
        )
        settlement = Settlement(
            ledger=Ledger(self._database(), clock=ground.clock),
            holdings=self._holdings,
            breaker=self._breaker,
            recorder=self._recorder,
            clock=ground.clock,
            bury=burying.settled,
        )
        code = self._code
        running = self._make_doing(settlement)
        intake = Intake(
            claimant=Claimant(
                agent_id=ground.manifest.id,
                agent_version=ground.manifest.version,
                max_attempts=ground.manifest.max_attempts,
                worker=ground.instance.instance_id,
                log_stream=ground.log_stream,
                code_version=ground.environment.code_version,
            ),
            ledger=Ledger(self._database(), clock=ground.clock),
            lease=ground.settings.visibility,
            holdings=self._holdings,
            breaker=self._breaker,
            recorder=self._recorder,
            clock=ground.clock,
            ready=running.put,
            bury=burying.redelivered,
            prepare=code.refresh,
            slots=self._slots,
        )
        return running, settlement, burying, intake

    def _make_doing(self, settlement: Settlement) -> Doing:
        ground = self._ground
        if ground.launcher is not None:
            return Launching(
                launcher=ground.launcher,
                holdings=self._holdings,
                slots=self._slots,
                settle=settlement.put,
                instance_id=ground.instance.instance_id,
                clock=ground.clock,
                telling=ground.telling,
            )
        return Running(
            attempts=self._code.attempts,
            timeout=ground.manifest.timeout,
            holdings=self._holdings,
            recorder=self._recorder,
            telling=ground.telling,
            clock=ground.clock,
            settle=settlement.put,
        )

    def _make_renewal(self) -> Renewal:
        ground = self._ground
        return Renewal(
            renewals=Renewals(self._holds, worker=ground.instance.instance_id),
            queues=self._queues,
            hold=ground.settings.visibility,
            slots=self._slots,
            holdings=self._holdings,
            breaker=self._breaker,
            telling=ground.telling,
            clock=ground.clock,
        )

    def _make_presence(self) -> Presence:
        ground = self._ground
        return Presence(
            instance=ground.instance,
            instances=Instances(self._jobs),
            leases=Leases(self._jobs),
            running=lambda: self._holdings.running,
            upkeep=LeaderUpkeep(ground, database=self._jobs, queues=self._queues),
            fleet=ground.settings.fleet,
            clock=ground.clock,
            telling=ground.telling,
        )

    def _serve(self, listener: Listener, parts: Parts) -> None:
        ground = self._ground
        metrics = ground.metrics
        tell_gauges(metrics, parts, concurrency=ground.settings.concurrency)
        server = HealthServer(
            host=ground.address,
            port=ground.settings.http_port,
            health=listener.health,
            metrics=lambda: metrics.render(
                agent=ground.manifest.id,
                version=ground.manifest.version,
                instance=ground.instance.instance_id,
            ),
        )
        server.start()
        ground.telling.phase("answers health and metrics", port=server.port)

    def _database(self) -> Database:
        """A connection for one thread."""
        return Database(self._settings, call_seconds=CALL_SECONDS, retry_seconds=RETRY_SECONDS)

    def _made(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("the listener receives before it is composed")
        return self._listener

    def _left(self) -> None:
        if self._polling is not None:
            self._polling.left()

    def _ledger_changed(self, problem: str | None) -> None:
        self._ground.telling.breaker(problem)
        if self._polling is not None:
            self._polling.look()

    def _dispose(self, parcel: Parcel, fate: Disposition) -> None:
        self._slots.release(parcel)
        handle = parcel.message.receipt_handle
        if fate.fate is Fate.ACKNOWLEDGE:
            self._disposal.delete(parcel.queue_url, handle)
        elif fate.fate is Fate.RETURN:
            self._disposal.show(parcel.queue_url, handle, after=fate.after)
