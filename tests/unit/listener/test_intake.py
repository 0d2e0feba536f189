"""What the ledger's absence costs those who wait for it."""

from __future__ import annotations

import logging
import threading
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
    assert all_gone.wait(20)
    assert slots.asked == 1
    assert {fate.fate for fate in fates} == {Fate.RETURN}
    assert problems == ["Postgres: gone"]


def _intake(holdings: Holdings, slots: Any, breaker: Breaker) -> Intake:
    def never(*_: Any) -> None:
        raise AssertionError("nothing may be claimed")

    clock = SystemClock()
    ledger: Any = None
    ready: Any = never
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
        prepare=never,
    )
