"""The ECS cluster in which the tasks of all listeners run. Empty, it costs nothing."""

from __future__ import annotations

from aws_cdk import Aws, Stack
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.acknowledgement import acknowledge
from stacks.config import Stage


class ClusterStack(Stack):
    """A Fargate cluster."""

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
        acknowledge(
            cluster,
            ECS4="Scaling and alarms use Muster's own metrics; Container Insights would cost for each task.",
        )

    def arn_of(self, kind: str, name: str) -> str:
        """ARN of a `task` or `service` of this cluster."""
        account = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        return f"arn:{Aws.PARTITION}:ecs:{account}:{kind}/{self.cluster_name}/{name}"
