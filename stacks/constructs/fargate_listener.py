"""An agent on Fargate: a service whose tasks run the listener, as many as the work wants."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from muster.contracts import ListenerEnvironment, metric_dimensions
from muster.manifest import Manifest
from stacks.acknowledgement import acknowledge_finding, acknowledge_wildcard
from stacks.cluster import ClusterStack
from stacks.constructs.agent import Agent, Surroundings
from stacks.constructs.backlog_scaling import BacklogScaling
from stacks.constructs.listener_task import ListenerTask
from stacks.constructs.task_launching import launcher_environment, let_launch
from stacks.containers import DRAIN, HTTP_PORT, OVERLAP
from stacks.packaging import agent_folder
from stacks.scaling import Scaling, most_tasks
from stacks.watches.listener import not_started, too_few, unserved


class FargateListener(Agent):
    """Everything that one manifest with `compute = "fargate"` deploys."""

    def __init__(
        self,
        scope: Construct,
        *,
        manifest: Manifest,
        surroundings: Surroundings,
        cluster: ClusterStack,
    ) -> None:
        super().__init__(scope, manifest=manifest, surroundings=surroundings)
        self._cluster = cluster
        self.task = ListenerTask(
            self,
            "Task",
            stage=self.platform.stage,
            manifest=manifest,
            folder=agent_folder(manifest),
            environment=self._variables(),
        )
        self.admit(self.task.role)
        # The leader of its listeners sends again what nothing carries any more.
        self.queue.grant_send(self.task.role)
        self.database.grant(self, self.task.role)
        self._let_protect_itself()
        if manifest.isolation == "task" and self.platform.stage.containers.tasks:
            let_launch(self.task, cluster)
        self.service = self._service()
        stage = self.platform.stage.name
        scaling = Scaling(jobs_per_task=manifest.jobs_per_task, most_tasks=most_tasks(manifest))
        if self.platform.stage.containers.tasks:
            BacklogScaling(
                self,
                "Scaling",
                scaling=scaling,
                cluster_name=cluster.cluster_name,
                service=self.service,
                dimensions=metric_dimensions(stage=stage, agent=manifest.id),
                owner=self.owner,
            )
        self.show(self.task.logs)
        self.watch(
            unserved(stage=stage, agent=manifest.id),
            too_few(scaling, stage=stage, agent=manifest.id),
            not_started(stage=stage, agent=manifest.id),
        )

    @property
    def slots(self) -> int:
        """Always counted: while a deployment replaces tasks there are up to twice as many of them."""
        return self.manifest.concurrency

    def endpoint(self) -> dict[str, object]:
        """See `Agent.endpoint`; cluster, service and log group too."""
        return {
            **super().endpoint(),
            "cluster": self._cluster.cluster_name,
            "service": self.service.attr_name,
            "log_group": self.task.logs.log_group_name,
        }

    def _environment(self) -> ListenerEnvironment:
        manifest, containers = self.manifest, self.platform.stage.containers
        return ListenerEnvironment(
            **self.told(),
            visibility_seconds=str(containers.visibility),
            concurrency=str(manifest.jobs_per_task),
            agent_concurrency=str(manifest.concurrency),
            drain_seconds=str(DRAIN),
            http_port=str(HTTP_PORT),
            scale_in_protection="yes" if containers.tasks else "no",
            transport=containers.transport,
            fleet=self.platform.stage.fleet.to_json(),
        )

    def _variables(self) -> dict[str, str]:
        variables = self._environment().to_environment()
        if self.manifest.isolation == "task":
            tasks = self.platform.stage.containers.tasks
            placement = self.platform.placement(self.manifest.egress) if tasks else None
            variables |= launcher_environment(placement, cluster=self._cluster).to_environment()
        return variables

    def _let_protect_itself(self) -> None:
        """A busy task asks to be spared, and looks whether a newer deployment wants its place."""
        tasks, services = (self._cluster.arn_of(kind, "*") for kind in ("task", "service"))
        role = self.task.role
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecs:GetTaskProtection",
                    "ecs:UpdateTaskProtection",
                    "ecs:DescribeTasks",
                ],
                resources=[tasks],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["ecs:DescribeServices"], resources=[services])
        )
        for resource in (tasks, services):
            acknowledge_wildcard(
                role, resource, "Names of tasks are known when they run; all are of this cluster."
            )

    def _service(self) -> ecs.CfnService:
        containers = self.platform.stage.containers
        placement = self.platform.placement(self.manifest.egress)
        # (The CDK's own service would need a VPC where the stage has none.)
        service = ecs.CfnService(
            self,
            "Service",
            cluster=self._cluster.cluster_name,
            task_definition=self.task.definition.task_definition_arn,
            launch_type="FARGATE",
            platform_version="1.4.0",
            # Left to the scaling: a number here would be set again by each deploy.
            desired_count=None if containers.tasks else 0,
            deployment_configuration=ecs.CfnService.DeploymentConfigurationProperty(
                deployment_circuit_breaker=ecs.CfnService.DeploymentCircuitBreakerProperty(
                    enable=True, rollback=True
                ),
                # New tasks stand before old ones are asked to go, which then drain without haste.
                minimum_healthy_percent=100,
                maximum_percent=100 * OVERLAP,
            ),
            network_configuration=ecs.CfnService.NetworkConfigurationProperty(
                awsvpc_configuration=ecs.CfnService.AwsVpcConfigurationProperty(
                    subnets=placement.vpc.select_subnets(
                        subnet_group_name=placement.subnets.subnet_group_name
                    ).subnet_ids,
                    security_groups=[placement.security_group.security_group_id],
                    assign_public_ip="DISABLED",
                )
            )
            if placement
            else None,
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
        )
        # A task that starts before its rights are there fails, and counts against the deployment.
        service.node.add_dependency(self.task)
        if placement is None:
            acknowledge_finding(
                service,
                "CloudFormation-Validate::E3052",
                "A stage without a VPC starts no task; its service tells which task definition is deployed.",
            )
        return service
