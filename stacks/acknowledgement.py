"""Acknowledged findings, one resource and one reason each.

They are of cdk-nag and of the template validation, which run in each synth, or of checkov and cfn-lint, which
tests run. Each is tested to be needed.
"""

from __future__ import annotations

import re
from typing import Any, cast

from aws_cdk import Acknowledgment, App, Stack, Validations
from constructs import IConstruct

#: A reason shorter than this explains nothing.
MIN_REASON_CHARACTERS = 20

#: Of what AWS encrypts with keys of its own: rules that ask for a key of the account's.
OWN_KEYS = (
    "AWS encrypts it with keys of its own; one of the account's would cost, and need a policy for each "
    "service that writes there, and guard against nobody who has the rights already."
)

#: Type of the metadata that tell tests which findings of scanners are accepted on a construct.
SCANNED = "muster:acknowledged"

#: Rules of checkov, and of cfn-lint with AWS's rules for serverless applications.
_OF_SCANNERS = re.compile(r"CKV\w+|[EW]S?\d{4}")


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """Accept findings on one resource: `acknowledge(queue, SQS3="...")`.

    A keyword is the rule's id without its pack: `CKV_AWS_27` is checkov's, `WS1000` cfn-lint's, other
    upper case and digits mean AwsSolutions (`SQS3`), anything else Serverless (`LambdaTracing`).

    Raises:
        TypeError: the construct is a stack or app.
        ValueError: a reason is too short to be one.
    """
    scanned: dict[str, str] = {}
    for rule, reason in reasons.items():
        if _OF_SCANNERS.fullmatch(rule):
            _verify(construct, rule, reason)
            scanned[rule] = reason
        else:
            pack = "AwsSolutions" if rule.isupper() else "Serverless"
            acknowledge_finding(construct, f"{pack}::{pack}-{rule}", reason)
    if scanned:
        construct.node.add_metadata(SCANNED, scanned)


def acknowledge_finding(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding of a synth by its full id, as the report prints it."""
    _verify(construct, finding, reason)
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def _verify(construct: IConstruct, finding: str, reason: str) -> None:
    if isinstance(construct, Stack | App):
        raise TypeError(
            f"{finding}: acknowledge it on one resource, not on {construct.node.path!r}"
        )
    if len(reason) < MIN_REASON_CHARACTERS:
        raise ValueError(f"{finding} on {construct.node.path}: give a real reason, not {reason!r}")


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
