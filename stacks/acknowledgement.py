"""Acknowledged findings of cdk-nag and of the template validation: one resource, one reason."""

from __future__ import annotations

import re
from typing import Any, cast

from aws_cdk import Acknowledgment, App, Stack, Validations
from constructs import IConstruct

#: A reason shorter than this explains nothing.
MIN_REASON_CHARACTERS = 20


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """Accept findings on one resource: `acknowledge(queue, SQS3="...")`.

    A keyword is the rule's id without its pack: upper case and digits mean AwsSolutions (`SQS3`),
    anything else Serverless (`LambdaTracing`).

    Raises:
        TypeError: the construct is a stack or app.
        ValueError: a reason is too short to be one.
    """
    for rule, reason in reasons.items():
        pack = "AwsSolutions" if rule.isupper() else "Serverless"
        acknowledge_finding(construct, f"{pack}::{pack}-{rule}", reason)


def acknowledge_finding(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding by its full id, as the report prints it."""
    if isinstance(construct, Stack | App):
        raise TypeError(
            f"{finding}: acknowledge it on one resource, not on {construct.node.path!r}"
        )
    if len(reason) < MIN_REASON_CHARACTERS:
        raise ValueError(f"{finding} on {construct.node.path}: give a real reason, not {reason!r}")
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def acknowledge_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Accept a `*` in one resource of a policy, e.g. `bucket.arn_for_objects("*")`."""
    shown = _shown(Stack.of(construct).resolve(resource))
    acknowledge_finding(construct, f"AwsSolutions::AwsSolutions-IAM5[Resource::{shown}]", reason)


def _shown(value: object) -> str:
    """A template value as cdk-nag prints it: references in angle brackets."""
    if not isinstance(value, dict):
        return re.sub(r"\$\{([^}]+)\}", r"<\1>", str(value))
    (function, argument), *_ = cast("dict[str, Any]", value).items()
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{argument[0]}.{argument[1]}>"
    if function == "Fn::Join":
        return str(argument[0]).join(map(_shown, argument[1]))
    return str(cast("object", value))
