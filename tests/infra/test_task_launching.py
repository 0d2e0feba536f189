"""An agent with `isolation = "task"`: its listener may launch its own task definition, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from muster.contracts import LISTENER_CONNECTIONS, LISTENER_CONTAINER
from stacks.config import STAGES
from stacks.connections import connections_at_most
from tests.infra.synthesis import long_jobs, synthesise
from tests.infra.test_permissions import listed

DEV = STAGES["dev"]


def test_it_may_launch_its_own_definition_in_its_own_cluster_with_its_own_roles(tmp_path: Path):
    # Given an agent that wants a task for each job, and one that does not; cdk-nag looks at both
    apart = long_jobs("apart", isolation="task", memory=1024)
    plain = long_jobs("plain")
    cloud = synthesise(DEV, [apart, plain], tmp_path)

    # Then only the first may run tasks: any revision of its own family, in this cluster
    statements = [
        (policy.path, statement)
        for policy in cloud.resources("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
    ]
    [(path, run)] = [(p, s) for p, s in statements if "ecs:RunTask" in listed(s["Action"])]
    assert "apart" in path
    [definition] = cloud.of_agent("apart", "AWS::ECS::TaskDefinition")
    family = definition.properties["Family"]
    assert listed(run["Action"]) == ["ecs:RunTask"]
    [resource] = listed(run["Resource"])
    assert f":task-definition/{family}:*'" in str(resource)
    assert "cluster/muster-dev" in str(run["Condition"])
    # And pass on exactly the two roles of that definition, to ECS tasks
    [(_, grant)] = [(p, s) for p, s in statements if "iam:PassRole" in listed(s["Action"])]
    wanted = {str(definition.properties[f"{kind}RoleArn"]) for kind in ("Task", "Execution")}
    assert {str(each) for each in listed(grant["Resource"])} == wanted
    service_of_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert grant["Condition"] == service_of_tasks
    # And it is told where, as its service is
    told = cloud.variables("apart")
    assert told["MUSTER_LAUNCHER"] == "ecs"
    assert told["MUSTER_CLUSTER"] == "muster-dev"
    [service] = cloud.of_agent("apart", "AWS::ECS::Service")
    network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
    for subnet in network["Subnets"]:
        assert json.dumps(subnet) in json.dumps(told["MUSTER_SUBNETS"])
    for group in network["SecurityGroups"]:
        assert json.dumps(group) in json.dumps(told["MUSTER_SECURITY_GROUPS"])
    assert cloud.container("apart")["Name"] == LISTENER_CONTAINER
    assert "MUSTER_LAUNCHER" not in cloud.variables("plain")


def test_its_tasks_have_connections_of_their_own():
    # Given seven jobs at once, which one listener launches, and a second one while it is replaced
    manifest = long_jobs(isolation="task")
    assert connections_at_most(manifest, DEV) == (2 + 7) * LISTENER_CONNECTIONS
