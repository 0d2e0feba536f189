"""When scale-in protection is asked for, renewed, given up and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ecs_listener.metrics import ListenerMetrics
from ecs_listener.protection import LINGER, EcsProtection
from ecs_listener.telling import Telling
from tests.support.ecs_agent import EcsAgent
from tests.support.telling import MemoryLog
from tests.support.timepiece import Timepiece


@pytest.fixture
def ecs() -> Iterator[EcsAgent]:
    with EcsAgent() as agent:
        yield agent


@pytest.fixture
def clock() -> Timepiece:
    return Timepiece(stopped=True)


@pytest.fixture
def protection(ecs: EcsAgent, clock: Timepiece) -> EcsProtection:
    telling = Telling(log=MemoryLog().logger, metrics=ListenerMetrics())
    return EcsProtection(
        agent_uri=ecs.url, longest=timedelta(minutes=30), clock=clock, telling=telling
    )


def test_it_is_asked_for_once_however_many_jobs_start(protection: EcsProtection, ecs: EcsAgent):
    assert all(protection.hold() for _ in range(20))
    assert ecs.switches == [True]
    assert protection.on


def test_it_always_outlasts_a_job_that_starts_now(
    protection: EcsProtection, ecs: EcsAgent, clock: Timepiece
):
    # Given a listener that is busy for a day
    protection.hold()
    for _ in range(24 * 12):
        clock.sleep(300)
        protection.look(busy=True)
        assert protection.hold()
    # Then protection was renewed a few times, each for more than the longest job
    assert 10 < len(ecs.asked) < 60
    assert all(body["ExpiresInMinutes"] > 60 for body in ecs.asked)


def test_a_trickle_of_jobs_makes_no_trickle_of_calls(
    protection: EcsProtection, ecs: EcsAgent, clock: Timepiece
):
    for _ in range(50):
        protection.hold()
        protection.look(busy=False)
        clock.sleep(LINGER / 2)
        protection.look(busy=False)
    assert ecs.switches == [True]
    protection.look(busy=False)
    clock.sleep(LINGER)
    protection.look(busy=False)
    assert ecs.switches == [True, False]
    assert not protection.on


def test_a_refusal_is_tried_again_after_pauses_until_it_works(
    protection: EcsProtection, ecs: EcsAgent, clock: Timepiece
):
    ecs.refusal = {"failure": {"Reason": "TASK_NOT_VALID"}}
    assert not protection.hold()
    assert not protection.ready()
    protection.look(busy=False)
    assert len(ecs.asked) == 1, "not before its pause is over"
    clock.sleep(2)
    protection.look(busy=False)
    assert len(ecs.asked) == 2
    ecs.refusal = None
    clock.sleep(10)
    protection.look(busy=False)
    assert protection.ready()
    assert protection.on


def test_an_agent_that_does_not_answer_is_a_refusal(clock: Timepiece):
    telling = Telling(log=MemoryLog().logger, metrics=ListenerMetrics())
    nowhere = EcsProtection(
        agent_uri="http://127.0.0.1:9", longest=timedelta(1), clock=clock, telling=telling
    )
    assert not nowhere.hold()
