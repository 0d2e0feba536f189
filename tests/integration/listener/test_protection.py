"""Scale-in protection: before the first job, until after the last, and no job without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ecs_agent import EcsAgent
from tests.support.listener_process import ListenerProcess
from tests.support.listening import Rig
from tests.support.waiting import wait_until


@pytest.fixture
def ecs() -> Iterator[EcsAgent]:
    with EcsAgent() as agent:
        yield agent


def _start(rig: Rig, ecs: EcsAgent) -> ListenerProcess:
    return rig.start(
        scale_in_protection="yes", ECS_AGENT_URI=ecs.url, ECS_CONTAINER_METADATA_URI_V4=ecs.url
    )


def test_protection_is_switched_at_the_turns_only_and_outlasts_every_job(rig: Rig, ecs: EcsAgent):
    # Given an idle listener, which asks for nothing
    rig.agent(timeout="45m")
    listener = _start(rig, ecs)
    assert ecs.asked == []
    # When fifty jobs come, one after another and together
    rig.send(*(f"j{n}" for n in range(50)), do="effect")
    rig.at_rest()
    # Then protection was asked for once, for longer than any of them may take
    assert ecs.switches == [True]
    assert ecs.asked[0]["ExpiresInMinutes"] > 45
    assert listener.metric("protected") == 1
    # And it is given up when the listener is idle again
    wait_until(lambda: ecs.switches == [True, False], within=30)
    wait_until(lambda: listener.metric("protected") == 0)


def test_without_protection_nothing_starts_and_nothing_more_is_received(rig: Rig, ecs: EcsAgent):
    # Given an ECS agent that refuses
    ecs.refusal = {"failure": {"Reason": "TASK_NOT_VALID", "Arn": "x"}}
    listener = _start(rig, ecs)
    # When jobs come
    rig.send(*(f"j{n}" for n in range(5)), do="effect")
    wait_until(lambda: len(ecs.asked) >= 2)
    # Then none has started, and the listener is not ready
    assert rig.clerk.query("SELECT 1 FROM agent_job_execution") == []
    assert listener.get("/health/ready")[0] == 503
    # And once the agent gives protection, they run
    ecs.refusal = None
    rig.at_rest()
    assert ecs.switches[-1] is True
