"""What a listener's process is: the command and environment of its deployed task definition."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from local.aws import LocalAws
from muster.contracts import ListenerEnvironment


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One listener as ECS describes it. Another value is another deployment."""

    agent_id: str
    #: The task definition, with its revision.
    arn: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    #: The role that its tasks act as; empty where they have none.
    role: str = ""
    #: Of that role, as variables; others are no other deployment.
    credentials: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Definition | None:
        """From a task definition of the ECS API; None when it is no listener's."""
        container = described["containerDefinitions"][0]
        environment = {e["name"]: e["value"] for e in container.get("environment", [])}
        agent = environment.get(ListenerEnvironment.variable("agent_id"))
        if agent is None:
            return None
        return cls(
            agent_id=agent,
            arn=described["taskDefinitionArn"],
            command=tuple(container.get("command", ())),
            environment=environment,
            role=described.get("taskRoleArn", ""),
        )


def deployed(aws: LocalAws) -> list[Definition]:
    """The listeners whose services are deployed, by agent, with credentials as ECS would give them."""
    ecs = aws.client("ecs")
    arns = [
        service["taskDefinition"]
        for cluster in ecs.list_clusters()["clusterArns"]
        for services in ecs.get_paginator("list_services").paginate(cluster=cluster)
        if services["serviceArns"]
        for service in ecs.describe_services(cluster=cluster, services=services["serviceArns"])[
            "services"
        ]
        if service["status"] == "ACTIVE"
    ]
    described = [
        Definition.of(ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"])
        for arn in arns
    ]
    return sorted(
        (_with_credentials(d, aws) for d in described if d is not None), key=lambda d: d.agent_id
    )


def _with_credentials(definition: Definition, aws: LocalAws) -> Definition:
    if not definition.role:
        return definition
    return replace(
        definition, credentials=aws.acting_as(definition.role, session=definition.agent_id)
    )


def write(path: Path, definitions: list[Definition]) -> None:
    """Replace the file at once."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps([asdict(d) for d in definitions], indent=2), "utf-8")
    draft.replace(path)


def read(path: Path) -> list[Definition]:
    """What was written; nothing when nothing was."""
    if not path.exists():
        return []
    return [
        Definition(**{**found, "command": tuple(found["command"])})
        for found in json.loads(path.read_text("utf-8"))
    ]
