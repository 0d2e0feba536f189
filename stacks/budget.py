"""What a stage may cost a month, and who is told when it does, or will.

AWS Budgets compares AWS's own bill, some hours late; `muster cost` says sooner, and by agent and job, what
was metered.
"""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.budget_settings import BudgetSettings

#: Percent of the limit at which somebody is told: of what was spent, and of what the month will come to.
ACTUAL, FORECAST = 80, 100


class Budget(Construct):
    """A budget that tells a topic at 80 % spent and at 100 % forecast."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: str, settings: BudgetSettings, topic: sns.Topic
    ) -> None:
        super().__init__(scope, id_)
        told = topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Budget",
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{Aws.PARTITION}:budgets::{Aws.ACCOUNT_ID}:*"
                    },
                },
            )
        )
        budget = budgets.CfnBudget(
            self,
            "Monthly",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=settings.monthly_usd, unit="USD"
                ),
                cost_filters=(
                    None if settings.whole_account else {"TagKeyValue": [f"user:Stage${stage}"]}
                ),
            ),
            notifications_with_subscribers=[
                _notification("ACTUAL", ACTUAL, topic),
                _notification("FORECASTED", FORECAST, topic),
            ],
        )
        if told.policy_dependable is not None:
            # AWS refuses a topic that it may not publish to.
            budget.node.add_dependency(told.policy_dependable)


def _notification(
    kind: str, percent: int, topic: sns.Topic
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            comparison_operator="GREATER_THAN",
            notification_type=kind,
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[
            budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)
        ],
    )
