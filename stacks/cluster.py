"""The ECS cluster in which the tasks of all listeners run. Empty, it costs nothing."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledgement import OWN_KEYS, acknowledge
from stacks.config import Stage

#: Word of a stopped task is of no use any more when the leases of its jobs have long ended.
EVENT_RETENTION = Duration.hours(1)


class ClusterStack(Stack):
    """A Fargate cluster, and the queue in which ECS tells of its tasks that stopped."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage) -> None:
        super().__init__(scope, id_, description=f"Muster {stage.name}: cluster of listeners")
        # A name of our own: agents are told apart from those of other clusters by it, in rights above all.
        self.cluster_name = f"muster-{stage.name}"
        # (The CDK's own cluster would bring a VPC where the stage has none.)
        cluster = ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=self.cluster_name,
            capacity_providers=["FARGATE"],
            cluster_settings=[
                ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="disabled")
            ],
        )
        own_metrics = (
            "Scaling and alarms use Muster's own metrics; Container Insights costs for each task."
        )
        acknowledge(cluster, ECS4=own_metrics, CKV_AWS_65=own_metrics)
        self.task_events = self._task_events(cluster)

    def _task_events(self, cluster: ecs.CfnCluster) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "TaskEvents",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=EVENT_RETENTION,
            removal_policy=RemovalPolicy.DESTROY,
        )
        hint = "A hint only: what is lost here is found when the leases of the task's jobs end."
        acknowledge(queue, SQS3=hint, SQSRedrivePolicy=hint, ES6000=hint, CKV_AWS_27=OWN_KEYS)
        rule = events.CfnRule(
            self,
            "TaskStopped",
            description="Tasks of listeners that stopped",
            event_pattern={
                "source": ["aws.ecs"],
                "detail-type": ["ECS Task State Change"],
                "detail": {"clusterArn": [cluster.attr_arn], "lastStatus": ["STOPPED"]},
            },
            targets=[events.CfnRule.TargetProperty(id="TaskEvents", arn=queue.queue_arn)],
        )
        acknowledge(rule, EventBusDLQ=hint, ES4000=hint)
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnEquals": {"aws:SourceArn": rule.attr_arn},
                },
            )
        )
        return queue

    @property
    def cluster_arn(self) -> str:
        """By its name, so that it needs no export."""
        account = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        return f"arn:{Aws.PARTITION}:ecs:{account}:cluster/{self.cluster_name}"

    def arn_of(self, kind: str, name: str) -> str:
        """ARN of a `task` or `service` of this cluster."""
        account = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        return f"arn:{Aws.PARTITION}:ecs:{account}:{kind}/{self.cluster_name}/{name}"
