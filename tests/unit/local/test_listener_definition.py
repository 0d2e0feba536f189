"""A listener's process is what its deployed task definition says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from local.listener.definition import Definition, read, write

DESCRIBED: dict[str, Any] = {
    "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/one:3",
    "taskRoleArn": "arn:aws:iam::000000000000:role/one",
    "containerDefinitions": [
        {
            "command": ["python", "-m", "ecs_listener"],
            "environment": [{"name": "MUSTER_AGENT_ID", "value": "one"}],
        }
    ],
}
DEFINITION = Definition(
    agent_id="one",
    arn="arn:aws:ecs:us-east-1:000000000000:task-definition/one:3",
    command=("python", "-m", "ecs_listener"),
    environment={"MUSTER_AGENT_ID": "one"},
    role="arn:aws:iam::000000000000:role/one",
)


def test_a_task_definition_is_read_as_ecs_describes_it():
    # Given what ECS says of a listener's task definition, and of another one
    other = {**DESCRIBED, "containerDefinitions": [{"name": "proxy", "image": "proxy"}]}
    # When they are read
    # Then the one is a listener with its command and environment, the other is none
    assert Definition.of(DESCRIBED) == DEFINITION
    assert Definition.of(other) is None


def test_fresh_credentials_are_no_other_deployment():
    # Given a listener that runs, and what a later `up` finds of it
    first, later = (replace(DEFINITION, credentials={"AWS_SESSION_TOKEN": t}) for t in "ab")
    # Then it is the same deployment, and another role would be another
    assert first == later
    assert first != replace(later, role="arn:aws:iam::000000000000:role/two")


def test_what_up_writes_the_supervisor_reads(tmp_path: Path):
    # Given a folder in which nothing was written yet
    path = tmp_path / "listeners.json"
    assert read(path) == []
    # When the deployed listeners are written, and again when there are none
    write(path, [DEFINITION])
    found = read(path)
    write(path, [])
    # Then the same comes back each time
    assert found == [DEFINITION]
    assert read(path) == []
