"""A listener says so when it cannot go on, and takes no more than it can get rid of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ecs_listener.listener import MOST_UNSETTLED, Listener
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.telling import Telling
from tests.support.timepiece import Timepiece
from tests.support.waiting import wait_until

ROOM = 4


class Held(list[int]):
    """As many messages as it is long; none of them runs."""

    running = 0


@pytest.mark.parametrize("part", ["holdings", "settlement", "disposal"])
def test_nothing_is_received_while_what_came_before_cannot_be_got_rid_of(part: str):
    # Given a listener that gets rid of what it has
    parts = _parts()
    listener = _listener(parts, Timepiece(stopped=True))
    assert listener.may_receive()
    # When the ledger, the dead-letter queue or the deletes fall far behind
    if part == "holdings":
        parts.holdings = Held([0] * (ROOM + MOST_UNSETTLED))
    else:
        getattr(parts, part).waiting = MOST_UNSETTLED
    # Then nothing more is received, until they have caught up
    assert not listener.may_receive()


@pytest.mark.parametrize("silent", ["supervision", "renewal"])
def test_a_part_that_hangs_makes_the_listener_unhealthy(silent: str):
    # Given a listener whose parts look at the jobs all the time
    clock = Timepiece(stopped=True)
    parts = _parts()
    listener = _listener(parts, clock)
    parts.renewal.looked_at = parts.supervision.looked_at = clock.monotonic()
    assert listener.health().alive
    # When one of them does not for longer than a lease
    clock.sleep(121)
    other = "renewal" if silent == "supervision" else "supervision"
    getattr(parts, other).looked_at = clock.monotonic()
    # Then the process is to be replaced
    health = listener.health()
    assert not health.alive
    assert health.problems == (f"{silent} is silent",)


def test_threads_that_are_being_started_are_not_taken_for_dead(excepthook: None):
    # Given a listener of many threads, and somebody who asks how it is all the time
    parts, over = _parts(), threading.Event()
    work = SimpleNamespace(run=over.wait)
    parts.settlement.run = parts.presence.run = parts.renewal.run = over.wait
    parts.renewal.run_visibility = parts.polling.run = over.wait
    parts.burying = parts.intake = parts.running = work
    parts.polling.threads = lambda room: room
    parts.disposal.start = lambda _: None
    parts.slots = SimpleNamespace(look=lambda: None)
    parts.protection.look = lambda busy: None
    clock = Timepiece(stopped=True)
    parts.renewal.looked_at = parts.supervision.looked_at = clock.monotonic()
    listener = _listener(parts, clock, room=40)
    asked, started = threading.Event(), threading.Event()
    told: list[tuple[str, ...]] = []

    def ask() -> None:
        while not started.is_set():
            told.append(listener.health().problems)
            asked.set()

    asker = threading.Thread(target=ask)
    asker.start()
    assert asked.wait(20)
    # When it starts
    listener._start()
    started.set()
    asker.join(20)
    # Then nothing was wrong with it at any moment, and a thread that ends later is told
    assert set(told) == {()}
    over.set()
    wait_until(lambda: "intake has ended" in listener.health().problems)
    listener._attended.set()


@pytest.fixture
def excepthook() -> Iterator[None]:
    """A listener that starts has the process's errors of threads told to it; the next test has its own."""
    before = threading.excepthook
    yield
    threading.excepthook = before


def _parts() -> Any:
    return SimpleNamespace(
        breaker=SimpleNamespace(closed=True, problem=None),
        protection=SimpleNamespace(ready=lambda: True),
        settlement=SimpleNamespace(waiting=0),
        disposal=SimpleNamespace(waiting=0),
        holdings=Held(),
        polling=SimpleNamespace(problems={}),
        presence=SimpleNamespace(
            leads=False, instance=SimpleNamespace(instance_id="i", agent_id="a", version="1")
        ),
        renewal=SimpleNamespace(looked_at=0.0, hold_seconds=120.0),
        supervision=SimpleNamespace(looked_at=0.0),
    )


def _listener(parts: Any, clock: Timepiece, *, room: int = ROOM) -> Listener:
    return Listener(
        parts=parts,
        room=room,
        drain=timedelta(0),
        clock=clock,
        telling=Telling(log=logging.getLogger("silent"), metrics=ListenerMetrics()),
        each_minute=lambda: None,
    )
