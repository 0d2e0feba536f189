"""The breaker opens at a failure, is probed ever more rarely, and closes at the first answer."""

from __future__ import annotations

import pytest

from ecs_listener.breaker import LONGEST_PAUSE, Breaker
from tests.support.timepiece import Timepiece


def test_it_says_when_it_opens_and_closes_and_not_in_between():
    told: list[str | None] = []
    breaker = Breaker(clock=Timepiece(stopped=True), changed=told.append)
    assert breaker.closed
    breaker.failed("away")
    breaker.failed("still away")
    assert not breaker.closed
    assert breaker.problem == "still away"
    breaker.succeeded()
    breaker.succeeded()
    assert breaker.closed
    assert told == ["away", None]


def test_probes_come_at_growing_pauses_up_to_a_bound():
    clock = Timepiece(stopped=True)
    breaker = Breaker(clock=clock, changed=lambda _: None, jitter=lambda: 1.0)
    assert breaker.probe_in() is None
    pauses = []
    for _ in range(6):
        breaker.failed("away")
        pause = breaker.probe_in()
        assert pause is not None
        pauses.append(round(pause, 3))
        clock.sleep(pause)
        assert breaker.probe_in() == 0
    assert pauses == [0.5, 1.0, 2.0, 4.0, LONGEST_PAUSE, LONGEST_PAUSE]


def test_after_it_was_closed_pauses_begin_anew():
    breaker = Breaker(clock=Timepiece(stopped=True), changed=lambda _: None, jitter=lambda: 1.0)
    for _ in range(5):
        breaker.failed("away")
    breaker.succeeded()
    breaker.failed("away again")
    assert breaker.probe_in() == pytest.approx(0.5, abs=0.1)
