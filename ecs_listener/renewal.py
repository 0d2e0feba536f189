"""Keeps what is held: leases in the ledger, and visibility in SQS, together and in batches.

Each is renewed when a third of it has passed, so one renewal may fail. A lease that can no longer be proven
ends its job; visibility that is lost does not, since the ledger defers a message whose job is alive.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from ecs_listener.breaker import Breaker
from ecs_listener.holding import Holding, StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.parcel import Parcel
from ecs_listener.slot_keeper import SlotKeeper
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import MusterError, StoreUnavailable
from muster.ports import HandleOutcome, Queues, Visibility
from muster.store.migration import SchemaError
from muster.store.renewals import Renewals

#: Share of its length after which a hold is renewed.
RENEW_AFTER = 1 / 3

#: Looks for each length of a hold.
LOOKS = 12


class Renewal:
    """Two threads that renew; that of the leases also asks a ledger that was away whether it is back."""

    def __init__(
        self,
        *,
        renewals: Renewals,
        queues: Queues,
        hold: timedelta,
        slots: SlotKeeper,
        holdings: Holdings,
        breaker: Breaker,
        telling: Telling,
        clock: Clock,
    ) -> None:
        self._renewals = renewals
        self._queues = queues
        self._hold = hold
        self._slots = slots
        self._holdings = holdings
        self._breaker = breaker
        self._telling = telling
        self._clock = clock
        self._wake = threading.Event()
        self._ended = threading.Event()
        #: When leases were looked at last.
        self.looked_at = clock.monotonic()

    @property
    def hold_seconds(self) -> float:
        """Length of a lease, and of visibility."""
        return self._hold.total_seconds()

    def wake(self) -> None:
        """Look at once: something has changed."""
        self._wake.set()

    def end(self) -> None:
        """Let the thread end."""
        self._ended.set()
        self._wake.set()

    def run(self) -> None:
        """Renew leases and slots until the end."""
        look = self._hold.total_seconds() / LOOKS
        while not self._ended.is_set():
            probe = self._breaker.probe_in()
            self._wake.wait(look if probe is None else min(look, probe))
            self._wake.clear()
            self.looked_at = self._clock.monotonic()
            self.leases()
            self.slots()
            if self._breaker.probe_in() == 0:
                self.probe()

    def run_visibility(self) -> None:
        """Renew visibility until the end, in a thread of its own: an SQS that hangs must not cost a lease."""
        while not self._ended.wait(self._hold.total_seconds() / LOOKS):
            self.visibility()

    def leases(self) -> None:
        """Renew the leases that are due; stop what was called off and what is another worker's by now."""
        due = self._due(self._holdings.holdings())
        if not due:
            return
        sent = self._clock.monotonic()
        try:
            answer = self._renewals.renew(
                [holding.claim for holding in due],
                lease=self._hold,
                waiting={h.claim.execution_id for h in due if h.started_at is None},
            )
        except (StoreUnavailable, SchemaError) as away:
            self._breaker.failed(str(away))
            self._telling.renewed("lease", "failed", len(due))
            return
        self._breaker.succeeded()
        self._telling.renewed("lease", "renewed", len(answer))
        for holding in due:
            asked_to_stop = answer.get((holding.claim.execution_id, holding.claim.fence))
            if asked_to_stop is None:
                self._lost(holding)
                continue
            holding.proven_until = sent + self._hold.total_seconds()
            if asked_to_stop:
                self._holdings.stop(holding, StopReason.CANCEL, now=sent)

    def slots(self) -> None:
        """Renew the slots that are due; stop the jobs of messages that have lost theirs."""
        lost = self._slots.renew(due_within=self._hold.total_seconds() * (1 - RENEW_AFTER))
        if lost:
            for holding in self._holdings.holdings():
                if holding.parcel in lost:
                    self._lost(holding)

    def visibility(self) -> None:
        """Renew the visibility of the messages that are due, whether or not it was lost meanwhile."""
        now, hold = self._clock.monotonic(), self._hold.total_seconds()
        due: dict[str, list[Parcel]] = defaultdict(list)
        for parcel in self._holdings.parcels():
            if parcel.visible_at - now <= hold * (1 - RENEW_AFTER):
                due[parcel.queue_url].append(parcel)
        for queue_url, parcels in due.items():
            self._show_later(queue_url, parcels)

    def probe(self) -> None:
        """Ask whether the ledger is back."""
        try:
            back = self._renewals.answers()
        except (StoreUnavailable, SchemaError) as away:
            self._breaker.failed(str(away))
        else:
            if back:
                self._breaker.succeeded()
            else:
                self._breaker.failed("Postgres: it is read only")

    def _due(self, holdings: Sequence[Holding]) -> list[Holding]:
        limit = self._clock.monotonic() + self._hold.total_seconds() * (1 - RENEW_AFTER)
        return [
            holding
            for holding in holdings
            # Of what was launched each look is to tell whether its task has it by now.
            if (holding.launched or holding.proven_until <= limit)
            and holding.stop is not StopReason.LEASE_LOST
        ]

    def _lost(self, holding: Holding) -> None:
        # An outcome that is on its way was perhaps written: then the row is at rest, and that is no loss.
        if not holding.ended:
            self._telling.renewed("lease", "lost", 1)
            self._holdings.stop(holding, StopReason.LEASE_LOST, now=self._clock.monotonic())

    def _show_later(self, queue_url: str, parcels: Sequence[Parcel]) -> None:
        sent = self._clock.monotonic()
        changes = [
            Visibility(receipt_handle=parcel.message.receipt_handle, after=self._hold)
            for parcel in parcels
        ]
        try:
            outcomes = self._queues.change_visibility_batch(queue_url, changes)
        except MusterError as error:
            self._telling.renewed("visibility", "failed", len(parcels))
            self._telling.renewal_failed(error)
            return
        for parcel, outcome in zip(parcels, outcomes, strict=True):
            if outcome is HandleOutcome.ACCEPTED:
                parcel.visible_at = sent + self._hold.total_seconds()
            told = {HandleOutcome.ACCEPTED: "renewed", HandleOutcome.STALE: "lost"}
            self._telling.renewed("visibility", told.get(outcome, "failed"), 1)
