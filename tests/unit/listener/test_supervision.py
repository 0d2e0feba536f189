"""What is told to stop may tidy up before it is told again."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from ecs_listener.holding import StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.interruption import Interruption
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.supervision import Supervision
from ecs_listener.telling import Telling
from muster.clock import SystemClock
from muster.isolation.interrupted import Interrupted
from tests.support.held import holding
from tests.support.waiting import wait_until


def test_a_caller_that_ends_its_child_has_the_time_for_it():
    # Given a call that takes a second to end what it started, once it is interrupted
    clock = SystemClock()
    holdings = Holdings(left=lambda: None, dispose=lambda _parcel, _fate: None)
    held = holding(holdings, proven_until=clock.monotonic() + 100)
    telling = Telling(log=logging.getLogger("silent"), metrics=ListenerMetrics())
    supervision = Supervision(
        limit=timedelta(seconds=60),
        hold=timedelta(seconds=100),
        holdings=holdings,
        clock=clock,
        telling=telling,
    )
    interruption, began, tidied = Interruption(), threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        try:
            _pass(60)
        finally:
            _pass(1)
            tidied.set()

    def run() -> None:
        try:
            interruption.run(call)
        except Interrupted:
            holdings.ended(held)

    threading.Thread(target=run, daemon=True).start()
    assert began.wait(20)
    assert holdings.begin(held, interruption, now=clock.monotonic())
    # When it is stopped and looked at meanwhile
    assert holdings.stop(held, StopReason.CANCEL, now=clock.monotonic())

    def ended() -> bool:
        supervision.look()
        return held.ended

    wait_until(ended)
    # Then nothing is left behind
    assert tidied.is_set()


def _pass(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        threading.Event().wait(0.01)
