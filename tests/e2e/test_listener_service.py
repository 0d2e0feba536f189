"""A deployed agent on Fargate as ECS's own API tells it: all that is needed to run its command elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from muster.contracts import ListenerEnvironment
from muster.manifest import load_manifest
from tests.support.deployed import DeployedCopy


@pytest.fixture(scope="module")
def services(deployed: DeployedCopy) -> dict[str, dict[str, Any]]:
    """The service of each deployed listener, by agent."""
    ecs = deployed.aws.client("ecs")
    return {
        agent_id: ecs.describe_services(cluster=told["cluster"], services=[told["service"]])[
            "services"
        ][0]
        for agent_id, told in deployed.described["agents"].items()
        if "service" in told
    }


def test_every_agent_on_fargate_has_a_service_and_no_task(
    deployed: DeployedCopy, services: dict[str, dict[str, Any]]
):
    # Given the agents whose manifest says fargate
    roots = (deployed.agents, deployed.path / "local" / "agents")
    manifests = [load_manifest(file) for root in roots for file in root.glob("*/agent.toml")]
    on_fargate = {m.id for m in manifests if m.compute == "fargate"}
    # Then each has a service, and none a task that somebody would have to start
    assert set(services) == on_fargate != set()
    assert {s["status"] for s in services.values()} == {"ACTIVE"}
    assert {s["desiredCount"] for s in services.values()} == {0}
    # And where it is stands in the registry too
    rows = deployed.query("SELECT agent_id, endpoint->>'service' FROM agent_registry WHERE active")
    assert {agent for agent, service in rows if service} == on_fargate


def test_the_task_definition_is_a_command_and_an_environment_that_a_listener_reads(
    deployed: DeployedCopy, services: dict[str, dict[str, Any]]
):
    ecs = deployed.aws.client("ecs")
    for agent_id, service in services.items():
        # When the deployed task definition is described
        described = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
        (container,) = described["taskDefinition"]["containerDefinitions"]
        # Then its command starts a listener, and its environment is complete
        assert container["command"] == ["python", "-m", "ecs_listener"]
        environment = {entry["name"]: entry["value"] for entry in container["environment"]}
        told = ListenerEnvironment.from_environ(environment)
        assert told.agent_id == agent_id
        assert (deployed.path / told.agent_folder / "agent.toml").is_file()
        assert told.scale_in_protection == "no"
        # And the limits that only a container can keep are there to be seen
        assert container["readonlyRootFilesystem"] is True
        assert container["user"] == "10001:10001"
        assert container["stopTimeout"] == 120
