"""A listener says so when it cannot go on, and takes no more than it can get rid of."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ecs_listener.listener import MOST_UNSETTLED, Listener
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.telling import Telling
from tests.support.timepiece import Timepiece

ROOM = 4


class Held(list[int]):
    """As many messages as it is long; none of them runs."""

    running = 0


@pytest.mark.parametrize("part", ["holdings", "settlement", "disposal"])
def test_nothing_is_received_while_what_came_before_cannot_be_got_rid_of(part: str):
    # Given a listener that gets rid of what it has
    parts = _parts()
    listener = _listener(parts, Timepiece())
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
    clock = Timepiece()
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


def _listener(parts: Any, clock: Timepiece) -> Listener:
    return Listener(
        parts=parts,
        room=ROOM,
        drain=timedelta(0),
        clock=clock,
        telling=Telling(log=logging.getLogger("silent"), metrics=ListenerMetrics()),
        each_minute=lambda: None,
    )
