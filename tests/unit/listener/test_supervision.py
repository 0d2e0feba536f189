"""What is told to stop may tidy up before it is told again."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from ecs_listener.holding import StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.interruption import Interruption
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.supervision import Supervision
from ecs_listener.telling import Telling
from muster.isolation.interrupted import Interrupted
from tests.support.held import holding
from tests.support.timepiece import Timepiece
from tests.support.waiting import wait_until


def test_a_caller_that_ends_its_child_has_the_time_for_it():
    # Given a call that takes three seconds to end what it started, once it is interrupted
    clock = Timepiece(stopped=True)
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
    tidies, may_end = threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        try:
            _wait_for(may_end)
        finally:
            tidies.set()
            _wait_for(may_end)
            tidied.set()

    def run() -> None:
        try:
            interruption.run(call)
        except Interrupted:
            holdings.ended(held)

    threading.Thread(target=run, daemon=True).start()
    assert began.wait(60)
    assert holdings.begin(held, interruption, now=clock.monotonic())
    # When it is stopped and looked at meanwhile
    assert holdings.stop(held, StopReason.CANCEL, now=clock.monotonic())
    assert tidies.wait(60)
    for _ in range(7):
        supervision.look()
        clock.sleep(0.5)
    may_end.set()
    wait_until(lambda: held.ended)
    # Then nothing is left behind
    assert tidied.is_set()


def _wait_for(event: threading.Event) -> None:
    """In slices, as a function that can be interrupted does."""
    while not event.is_set():
        threading.Event().wait(0.01)
