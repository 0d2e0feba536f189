"""New objects that start jobs: EventBridge rules from buckets to an agent's lane queue."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from muster.manifest import S3Trigger
from stacks.acknowledgement import acknowledge
from stacks.constructs.agent_queue import dead_letter_queue


class S3Triggers(Construct):
    """A rule per trigger, and one queue for the events that could not be delivered.

    Such an event can be moved to the lane queue as it is: the agent understands it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        triggers: Sequence[S3Trigger],
        buckets: Mapping[str, s3.IBucket],
        queue: sqs.Queue,
        owner: str,
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = undelivered = dead_letter_queue(
            self, "Undelivered", removal_policy=RemovalPolicy.RETAIN
        )
        acknowledge(
            undelivered,
            SQS3="It is the dead-letter queue of EventBridge rules; an alarm watches it.",
        )
        rules = [
            events.CfnRule(
                self,
                _rule_id(trigger),
                description=f"{owner}: new objects of {trigger.bucket}",
                event_pattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": _detail(trigger, buckets[trigger.bucket].bucket_name),
                },
                targets=[
                    events.CfnRule.TargetProperty(
                        id="Lane",
                        arn=queue.queue_arn,
                        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                            arn=undelivered.queue_arn
                        ),
                    )
                ],
            )
            for trigger in triggers
        ]
        # (The CDK's own target would leave out the account, and grant more than sending.)
        for target in (queue, undelivered):
            target.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[target.queue_arn],
                    conditions={
                        "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                        "ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]},
                    },
                )
            )


def key_patterns(*, prefix: str, suffix: str) -> list[Any]:
    """What EventBridge matches keys with that begin and end so; empty when every key does.

    EventBridge cannot ask for both, only for a wildcard between them. Keys in which prefix and suffix
    overlap are few, so they are written out.
    """
    if not suffix:
        return [{"prefix": prefix}] if prefix else []
    if not prefix:
        return [{"suffix": suffix}]
    overlapping = [
        prefix + suffix[size:]
        for size in range(1, min(len(prefix), len(suffix)) + 1)
        if prefix.endswith(suffix[:size])
    ]
    return [{"wildcard": f"{_literal(prefix)}*{_literal(suffix)}"}, *overlapping]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*")


def _detail(trigger: S3Trigger, bucket_name: str) -> dict[str, Any]:
    keys = key_patterns(prefix=trigger.prefix, suffix=trigger.suffix)
    objects = {"object": {"key": keys}} if keys else {}
    return {"bucket": {"name": [bucket_name]}, **objects}


def _rule_id(trigger: S3Trigger) -> str:
    """An id that stays when triggers are added, removed or put in another order."""
    filters = f"{trigger.prefix}\n{trigger.suffix}"
    return f"{trigger.bucket}-{hashlib.sha256(filters.encode()).hexdigest()[:8]}"
