"""The errand of a launched task: takes the claim over, has it run, and lets the process end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from ecs_listener.errand import Errand
from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from ecs_listener.parcel import Parcel
from ecs_listener.slot_keeper import SlotKeeper
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import StoreUnavailable
from muster.execution.arrival import Arrival
from muster.execution.worker import HAND_BACK_RELAY
from muster.model import Claim, Delivery, Message, Outcome, Status
from muster.store.handovers import Handovers
from muster.store.migration import SchemaError

#: A job whose slot was lost while its task started is tried again after this.
NO_SLOT = timedelta(seconds=10)

#: How long a wait for the job's end lasts before it is asked for again, in seconds.
LOOK = 5.0


class Adoption:
    """Stands where a listener's polling stands, and receives one errand.

    Args:
        ready: runs jobs.
        settle: takes the outcome of a job that may not run.
        finished: called when nothing is held any more.
    """

    def __init__(
        self,
        *,
        errand: Errand,
        handovers: Handovers,
        worker: str,
        log_stream: str | None,
        lease: timedelta,
        holdings: Holdings,
        slots: SlotKeeper,
        clock: Clock,
        telling: Telling,
        prepare: Callable[[], None],
        ready: Callable[[Sequence[Sequence[Holding]]], None],
        settle: Callable[[Holding, Outcome], None],
        finished: Callable[[], None],
    ) -> None:
        self._errand = errand
        self._handovers = handovers
        self._worker = worker
        self._log_stream = log_stream
        self._lease = lease
        self._holdings = holdings
        self._slots = slots
        self._clock = clock
        self._telling = telling
        self._prepare = prepare
        self._ready = ready
        self._settle = settle
        self._finished = finished
        #: Nothing is received, so no lane has a problem.
        self.problems: Mapping[str, str] = {}

    def threads(self, *, room: int) -> int:  # noqa: ARG002 - as a listener's polling is asked
        """One errand, one thread."""
        return 1

    def left(self) -> None:
        """Nothing else is received in its place."""

    def look(self) -> None:
        """Nothing is received, whatever has changed."""

    def end(self) -> None:
        """What was taken over is ended by the listener."""

    def run(self) -> None:
        """Run the errand, then let the process end."""
        try:
            self._run()
        except (StoreUnavailable, SchemaError) as away:
            # The launcher gives it back in the end, or its lease runs out.
            self._telling.trouble("the claim could not be taken over", away)
        while not self._holdings.wait_until_empty(LOOK):
            self._telling.phase("the job goes on", held=len(self._holdings))
        self._finished()

    def _run(self) -> None:
        errand = self._errand
        self._prepare()
        sent = self._clock.monotonic()
        claims = self._handovers.adopt(
            errand.claims,
            launcher=errand.launcher,
            worker=self._worker,
            log_stream=self._log_stream,
            lease=self._lease,
        )
        if not claims:
            self._telling.phase("the claim is another process's or at rest", errand=errand.token)
            return
        message = Message(
            message_id=errand.message_id, receipt_handle=errand.receipt_handle, body=""
        )
        # When SQS shows it is not known here: it is renewed at once.
        [parcel] = self._holdings.receive(
            [message], lane=errand.lane, queue_url=errand.queue_url, visible_at=sent
        )
        parcel.holder = errand.holder
        self._holdings.expect(parcel, len(claims))
        holdings = [_holding(claim, message, parcel, sent + self._seconds) for claim in claims]
        self._holdings.hold(holdings)
        if self._has_slot(parcel):
            self._ready([holdings])
            return
        for holding in holdings:
            self._holdings.ended(holding)
            self._settle(holding, _without_slot(holding.claim))

    @property
    def _seconds(self) -> float:
        return self._lease.total_seconds()

    def _has_slot(self, parcel: Parcel) -> bool:
        try:
            return self._slots.take(parcel) is None
        except (StoreUnavailable, SchemaError) as away:
            self._telling.trouble("no slot could be taken", away)
            return False


def _holding(claim: Claim, message: Message, parcel: Parcel, proven_until: float) -> Holding:
    delivery = Delivery(
        message_id=message.message_id,
        job_id=claim.job_id,
        tenant=claim.tenant,
        params=claim.params,
        config=claim.config,
    )
    return Holding(
        claim=claim,
        arrival=Arrival(message=message, delivery=delivery),
        parcel=parcel,
        proven_until=proven_until,
    )


def _without_slot(claim: Claim) -> Outcome:
    return Outcome(
        claim=claim,
        status=Status.PENDING,
        kind="handed_back",
        delay=NO_SLOT,
        relay_delay=NO_SLOT + HAND_BACK_RELAY,
        refund=True,
        reason="no slot",
    )
