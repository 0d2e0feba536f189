"""Where alarms go, and one dashboard over Muster's own metrics.

The dashboard finds its series by SEARCH, so it refers to no queue or function: an agent appears there with
the first metric it emits, and no stack has to be deployed again for it.
"""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from muster.contracts import METRICS_NAMESPACE, MetricName, OutputKey
from stacks.acknowledgement import acknowledge
from stacks.alerts import Alerts
from stacks.budget import Budget
from stacks.config import Stage
from stacks.watch import Urgency

_PERIOD = Duration.minutes(1)

#: Dimensions of Muster's metrics, and of those of single lanes.
_DIMENSIONS = "agent,stage"
_LANE_DIMENSIONS = "agent,lane,stage"

#: Title of a graph, its statistic, its metrics.
_GRAPHS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Executions settled",
        "Sum",
        (MetricName.COMPLETED, MetricName.FAILED, MetricName.CANCELLED),
    ),
    ("Retries and duplicates", "Sum", (MetricName.RETRIED, MetricName.DUPLICATES)),
    ("Dead letters", "Sum", (MetricName.DEAD_LETTERS,)),
    ("Backlog: messages visible", "Maximum", (MetricName.BACKLOG,)),
    ("Executions running", "Maximum", (MetricName.RUNNING,)),
    ("Latency, message to settled record, p99 (ms)", "p99", (MetricName.LATENCY,)),
    ("Duration of the agent's code, p99 (ms)", "p99", (MetricName.DURATION,)),
    ("Mended by the dispatcher", "Sum", (MetricName.RELAYED, MetricName.RESCUED)),
    ("Writes refused by the fence", "Sum", (MetricName.FENCED,)),
)
#: Of agents with several lanes.
_LANES = ("Backlog by lane: messages visible", "Maximum", (MetricName.LANE_BACKLOG,))


class ObservabilityStack(Stack):
    """The topics of alarms, and the dashboard."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage) -> None:
        super().__init__(scope, id_, description=f"Muster {stage.name}: alerts and dashboard")
        topics = {urgency: _topic(self, stage, urgency) for urgency in Urgency}
        self.alerts = Alerts(topics=topics)
        if stage.budget is not None:
            tickets = topics[Urgency.TICKET]
            Budget(self, "Budget", stage=stage.name, settings=stage.budget, topic=tickets)
        CfnOutput(self, OutputKey.PAGES_TOPIC, value=topics[Urgency.PAGE].topic_arn)
        CfnOutput(self, OutputKey.TICKETS_TOPIC, value=topics[Urgency.TICKET].topic_arn)
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(3))
        graphs = [_graph(stage, *graph) for graph in (*_GRAPHS, ("Other counts", "Sum", _others()))]
        graphs.append(_graph(stage, *_LANES, dimensions=_LANE_DIMENSIONS))
        for row in range(0, len(graphs), 3):
            dashboard.add_widgets(*graphs[row : row + 3])


def _others() -> tuple[str, ...]:
    """Metrics without a graph of their own, so that none is invisible."""
    shown = {name for _, _, names in (*_GRAPHS, _LANES) for name in names}
    every = {value for key, value in vars(MetricName).items() if key.isupper()}
    return tuple(sorted(every - shown))


def _topic(scope: Construct, stage: Stage, urgency: Urgency) -> sns.Topic:
    topic = sns.Topic(
        scope,
        f"{urgency.capitalize()}s",
        display_name=f"Muster {stage.name} {urgency}s",
        enforce_ssl=True,
    )
    acknowledge(
        topic,
        CKV_AWS_26="Alarms say how much, and hold no payload. CloudWatch publishes to an encrypted topic "
        "by a key of the account's only, which costs for each stage.",
    )
    # A topic with a policy of its own no longer lets CloudWatch in by default.
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Alarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnLike": {
                    "aws:SourceArn": f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
                },
            },
        )
    )
    if stage.alerts_email is not None:
        mail = topic.add_subscription(subscriptions.EmailSubscription(stage.alerts_email))
        acknowledge(
            mail,
            SNSRedrivePolicy="SNS itself retries mail, and the alarm stays to be seen in CloudWatch.",
        )
    return topic


def _graph(
    stage: Stage,
    title: str,
    statistic: str,
    metrics: tuple[str, ...],
    *,
    dimensions: str = _DIMENSIONS,
) -> cloudwatch.GraphWidget:
    names = " OR ".join(f'MetricName="{name}"' for name in metrics)
    search = (
        f"SEARCH('{{{METRICS_NAMESPACE},{dimensions}}} stage=\"{stage.name}\" ({names})', "
        f"'{statistic}', {_PERIOD.to_seconds():.0f})"
    )
    return cloudwatch.GraphWidget(
        title=title,
        width=8,
        left=[cloudwatch.MathExpression(expression=search, label="", period=_PERIOD)],
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
    )
