"""The alarm that says: something could not be done."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

RUNBOOK = "docs/runbooks/dead-letters.md"


class DeadLetterAlarm(Construct):
    """Raised while a dead-letter queue holds a message, and says so when it is empty again.

    It looks at what is visible: messages that SQS itself or a redrive moves are not counted as sent.
    """

    def __init__(
        self, scope: Construct, id_: str, *, queue: sqs.IQueue, owner: str, alerts: sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        alarm = cloudwatch.Alarm(
            self,
            "Alarm",
            alarm_description=f"{owner} has dead letters. Runbook: {RUNBOOK}",
            metric=queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = actions.SnsAction(alerts)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
