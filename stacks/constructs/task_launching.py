"""What a listener needs that launches a task for each job: where, and the right to."""

from __future__ import annotations

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam

from muster.contracts import LauncherEnvironment
from stacks.acknowledgement import acknowledge_wildcard
from stacks.cluster import ClusterStack
from stacks.constructs.listener_task import ListenerTask
from stacks.network import Placement


def launcher_environment(
    placement: Placement | None, *, cluster: ClusterStack
) -> LauncherEnvironment:
    """Where tasks are launched; without a placement they are processes."""
    if placement is None:
        return LauncherEnvironment(launcher="process", cluster="", subnets="", security_groups="")
    stack = Stack.of(placement.security_group)
    subnets = placement.vpc.select_subnets(
        subnet_group_name=placement.subnets.subnet_group_name
    ).subnet_ids
    return LauncherEnvironment(
        launcher="ecs",
        cluster=cluster.cluster_name,
        subnets=stack.to_json_string(subnets),
        security_groups=stack.to_json_string([placement.security_group.security_group_id]),
    )


def let_launch(task: ListenerTask, cluster: ClusterStack) -> None:
    """Let a task launch others of its own definition and roles in its own cluster, and nothing else."""
    role = task.role
    account = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    # Any revision: while a deployment goes on, an older task launches its own.
    definitions = f"arn:{Aws.PARTITION}:ecs:{account}:task-definition/{task.definition.family}:*"
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ecs:RunTask"],
            resources=[definitions],
            conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn, task.start_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
    )
    acknowledge_wildcard(
        role, definitions, "Revisions of one definition: a deployment has two of them in use."
    )
