"""What CloudFormation in the emulator knows of the deployed stacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from local.aws import LocalAws

#: Stacks of the app are called `muster-local-<noun>`.
PREFIX = "muster-local-"
_FAILED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "_FAILED")
#: What CloudFormation says of resources that only fell with another.
_INNOCENT = ("cancelled", "canceled", "rollback requested", "rolled back")


def _stacks(aws: LocalAws) -> Iterator[Mapping[str, Any]]:
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    for page in pages:
        for stack in page["Stacks"]:
            if stack["StackName"].startswith(PREFIX):
                yield stack


def outputs(aws: LocalAws) -> dict[str, dict[str, str]]:
    """Outputs of every deployed stack, by the stack's name."""
    return {
        stack["StackName"]: {
            output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
        }
        for stack in _stacks(aws)
    }


def statuses(aws: LocalAws) -> dict[str, str]:
    """CloudFormation's status of every stack, by the stack's name."""
    return {stack["StackName"]: stack["StackStatus"] for stack in _stacks(aws)}


def failures(aws: LocalAws, *, since: datetime) -> tuple[str, ...]:
    """The resources that made stacks fail after `since`, each with its reason."""
    cloudformation = aws.client("cloudformation")
    return tuple(
        failure
        for stack in _stacks(aws)
        if stack["StackStatus"].endswith(_FAILED)
        for failure in _failed_resources(cloudformation, stack["StackName"], since=since)
    )


def _failed_resources(cloudformation: Any, stack: str, *, since: datetime) -> list[str]:
    found: list[str] = []
    for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
        if event["Timestamp"] < since:
            break  # newest first: what is older belongs to an earlier deploy
        reason = str(event.get("ResourceStatusReason", ""))
        innocent = any(word in reason.lower() for word in _INNOCENT)
        if event["ResourceStatus"].endswith("_FAILED") and reason and not innocent:
            found.append(f"{stack}: {event['LogicalResourceId']}: {reason}")
    return found[::-1]
