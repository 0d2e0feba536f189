"""Whether a newer deployment has begun, as ECS tells it."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_listener.deployment import EVERY, EcsDeployment, Task, this_task
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.telling import Telling
from tests.support.ecs_agent import EcsAgent
from tests.support.telling import MemoryLog
from tests.support.timepiece import Timepiece

TASK = Task(cluster="cluster", service="service", definition="tester:3", task_id="abc")


class Ecs:
    """ECS, as far as a service's deployments and a task are described.

    Args:
        deployments: `<number of the deployment> <task definition>`, the one that the service is to run first.
        started_by: what started the task.
    """

    def __init__(self, *deployments: str, started_by: str = "ecs-svc/3") -> None:
        self.deployments = deployments
        self.started_by = started_by
        self.asked = 0

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert (cluster, tasks) == ("cluster", ["abc"])
        return {"tasks": [{"startedBy": self.started_by}]}

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        assert (cluster, services) == ("cluster", ["service"])
        self.asked += 1
        if not self.deployments:
            raise ConnectionError
        told: list[dict[str, str]] = []
        for state, deployment in zip(("PRIMARY", "ACTIVE"), self.deployments, strict=False):
            number, definition = deployment.split()
            arn = f"arn:aws:ecs:r:0:task-definition/{definition}"
            told.append({"id": f"ecs-svc/{number}", "status": state, "taskDefinition": arn})
        return {"services": [{"deployments": told}]}


def _deployment(ecs: Ecs, clock: Timepiece) -> EcsDeployment:
    telling = Telling(log=MemoryLog().logger, metrics=ListenerMetrics())
    return EcsDeployment(ecs=ecs, task=TASK, clock=clock, telling=telling)


def test_a_task_of_the_current_deployment_goes_on_and_asks_rarely():
    clock, ecs = Timepiece(stopped=True), Ecs("3 tester:3")
    deployment = _deployment(ecs, clock)
    assert [deployment.superseded() for _ in range(10)] == [False] * 10
    assert ecs.asked == 1


def test_a_newer_deployment_supersedes_until_it_is_rolled_back():
    # Given a service that is being replaced
    clock, ecs = Timepiece(stopped=True), Ecs("4 tester:4", "3 tester:3")
    deployment = _deployment(ecs, clock)
    assert deployment.superseded()
    # When the deployment is rolled back
    ecs.deployments = ("3 tester:3", "4 tester:4")
    clock.sleep(EVERY.total_seconds())
    # Then the task works again
    assert not deployment.superseded()


def test_a_forced_deployment_of_the_same_definition_supersedes_too():
    ecs = Ecs("4 tester:3", "3 tester:3")
    assert _deployment(ecs, Timepiece(stopped=True)).superseded()


@pytest.mark.parametrize(("primary", "superseded"), [("8 tester:3", False), ("8 tester:4", True)])
def test_what_no_deployment_of_the_service_started_goes_by_its_definition(
    primary: str, superseded: bool
):
    ecs = Ecs(primary, started_by="a person")
    assert _deployment(ecs, Timepiece(stopped=True)).superseded() is superseded


def test_an_ecs_that_does_not_answer_changes_nothing():
    clock, ecs = Timepiece(stopped=True), Ecs("4 tester:4")
    deployment = _deployment(ecs, clock)
    assert deployment.superseded()
    ecs.deployments = ()
    clock.sleep(EVERY.total_seconds())
    assert deployment.superseded()


def test_the_task_reads_who_it_is_from_its_metadata():
    with EcsAgent() as agent:
        task = this_task(agent.url)
    assert (task.definition, task.task_id, task.service) == ("tester:3", "abc", None)
