"""What the ledger's absence costs those who wait for it, and what is done while it works."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from ecs_listener.breaker import Breaker
from ecs_listener.holdings import Holdings
from ecs_listener.intake import Intake
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.parcel import Parcel
from muster.clock import SystemClock
from muster.errors import StoreUnavailable
from muster.execution.disposition import Disposition, Fate
from muster.execution.record import Recorder
from muster.model import Delivery, Judgement, Verdict
from tests.support.clerk import claimant
from tests.support.held import parcel


class NoLedger:
    """Slots that cannot be asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def take(self, parcel: Parcel) -> float | None:
        self.asked += 1
        raise StoreUnavailable("Postgres: gone")


def test_a_ledger_that_is_away_is_waited_for_once_and_not_for_each_message():
    # Given ten messages of an agent whose slots are counted
    fates: list[Disposition] = []
    all_gone = threading.Event()

    def dispose(_: Parcel, fate: Disposition) -> None:
        fates.append(fate)
        if len(fates) == 10:
            all_gone.set()

    holdings = Holdings(left=lambda: None, dispose=dispose)
    slots, clock = NoLedger(), SystemClock()
    problems: list[str | None] = []
    intake = _intake(holdings, slots, Breaker(clock=clock, changed=problems.append))
    messages = [parcel(number).message for number in range(10)]
    # When they come while the ledger is away
    intake.put(holdings.receive(messages, lane="normal", queue_url="q", visible_at=0))
    threading.Thread(target=intake.run, daemon=True).start()
    # Then all are returned after one question
    assert all_gone.wait(60)
    assert slots.asked == 1
    assert {fate.fate for fate in fates} == {Fate.RETURN}
    assert problems == ["Postgres: gone"]


class Free:
    """Slots that nobody counts."""

    def take(self, _: Parcel) -> float | None:
        return None


class Working:
    """A ledger that others bring work to while it judges; it finds each job done already."""

    def __init__(self, while_it_works: Callable[[], Sequence[Parcel]]) -> None:
        self._while_it_works = while_it_works
        self.claimed: list[int] = []
        #: Of each message that came, whether it was understood when the statement ended.
        self.understood: list[bool] = []

    def claim(
        self, deliveries: Sequence[Delivery], *, meanwhile: Callable[[], object], **_: Any
    ) -> list[Judgement]:
        self.claimed.append(len(deliveries))
        came = self._while_it_works()
        meanwhile()
        self.understood += [one.open == 1 for one in came]
        return [Judgement(message_id=d.message_id, verdict=Verdict.DUPLICATE) for d in deliveries]


def test_what_comes_while_a_statement_is_under_way_is_understood_meanwhile_and_claimed_by_the_next():
    # Given a ledger that still judges one message when three more come, and then one
    more = [range(1, 4), range(4, 5)]
    gone: list[str] = []
    all_gone = threading.Event()

    def dispose(gone_parcel: Parcel, fate: Disposition) -> None:
        gone.append(gone_parcel.message.message_id)
        assert fate.fate is Fate.ACKNOWLEDGE
        if len(gone) == 5:
            all_gone.set()

    def while_it_works() -> Sequence[Parcel]:
        messages = [parcel(number).message for number in (more.pop(0) if more else ())]
        came = holdings.receive(messages, **_HELD)
        intake.put(came)
        return came

    holdings = Holdings(left=lambda: None, dispose=dispose)
    ledger = Working(while_it_works)
    breaker = Breaker(clock=SystemClock(), changed=lambda _: None)
    intake = _intake(holdings, Free(), breaker, ledger=ledger)
    # When they are claimed
    intake.put(holdings.receive([parcel(0).message], **_HELD))
    threading.Thread(target=intake.run, daemon=True).start()
    assert all_gone.wait(60)
    # Then each statement took all that had come during the one before
    assert ledger.claimed == [1, 3, 1]
    assert ledger.understood == [True] * 4
    assert gone == [parcel(n).message.message_id for n in range(5)]


_HELD: dict[str, Any] = {"lane": "normal", "queue_url": "q", "visible_at": 0}


def _intake(holdings: Holdings, slots: Any, breaker: Breaker, *, ledger: Any = None) -> Intake:
    def never(*_: Any) -> None:
        raise AssertionError("nothing may be called here")

    clock = SystemClock()
    ready: Any = (lambda _: None) if ledger else never
    log = logging.getLogger("silent")
    return Intake(
        claimant=claimant(),
        ledger=ledger,
        lease=timedelta(minutes=2),
        holdings=holdings,
        breaker=breaker,
        recorder=Recorder(log=log, metrics=ListenerMetrics(), clock=clock),
        clock=clock,
        slots=slots,
        ready=ready,
        bury=never,
        prepare=(lambda: None) if ledger else never,
    )
