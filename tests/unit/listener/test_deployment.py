"""Whether a newer deployment has begun, as ECS tells it."""

from __future__ import annotations

from typing import Any

from ecs_listener.deployment import EVERY, EcsDeployment, Task, this_task
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.telling import Telling
from tests.support.ecs_agent import EcsAgent
from tests.support.telling import MemoryLog
from tests.support.timepiece import Timepiece

TASK = Task(cluster="cluster", service="service", definition="tester:3", task_id="abc")


class Ecs:
    """ECS, as far as services are described."""

    def __init__(self, *definitions: str) -> None:
        self.definitions = definitions
        self.asked = 0

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        assert (cluster, services) == ("cluster", ["service"])
        self.asked += 1
        if not self.definitions:
            raise ConnectionError
        states = ("PRIMARY", "ACTIVE")
        return {
            "services": [
                {
                    "deployments": [
                        {
                            "status": state,
                            "taskDefinition": f"arn:aws:ecs:r:0:task-definition/{name}",
                        }
                        for state, name in zip(states, self.definitions, strict=False)
                    ]
                }
            ]
        }


def _deployment(ecs: Ecs, clock: Timepiece) -> EcsDeployment:
    telling = Telling(log=MemoryLog().logger, metrics=ListenerMetrics())
    return EcsDeployment(ecs=ecs, task=TASK, clock=clock, telling=telling)


def test_a_task_of_the_current_deployment_goes_on_and_asks_rarely():
    clock, ecs = Timepiece(), Ecs("tester:3")
    deployment = _deployment(ecs, clock)
    assert [deployment.superseded() for _ in range(10)] == [False] * 10
    assert ecs.asked == 1


def test_a_newer_deployment_supersedes_until_it_is_rolled_back():
    # Given a service that is being replaced
    clock, ecs = Timepiece(), Ecs("tester:4", "tester:3")
    deployment = _deployment(ecs, clock)
    assert deployment.superseded()
    # When the deployment is rolled back
    ecs.definitions = ("tester:3", "tester:4")
    clock.sleep(EVERY.total_seconds())
    # Then the task works again
    assert not deployment.superseded()


def test_an_ecs_that_does_not_answer_changes_nothing():
    clock, ecs = Timepiece(), Ecs("tester:4")
    deployment = _deployment(ecs, clock)
    assert deployment.superseded()
    ecs.definitions = ()
    clock.sleep(EVERY.total_seconds())
    assert deployment.superseded()


def test_the_task_reads_who_it_is_from_its_metadata():
    with EcsAgent() as agent:
        task = this_task(agent.url)
    assert (task.definition, task.task_id, task.service) == ("tester:3", "abc", None)
