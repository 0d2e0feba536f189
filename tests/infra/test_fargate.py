"""An agent on Fargate: what its task may do, how it is deployed, and that it is one line away from Lambda."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from muster.contracts import ListenerEnvironment
from muster.manifest import Manifest, Queue
from stacks.config import STAGES
from stacks.containers import DRAIN, STOP_TIMEOUT, ContainerSettings
from tests.infra.synthesis import Resource, Synthesis, agent, long_jobs, synthesise
from tests.infra.test_permissions import CONSUME, READ_SECRET, WRITE_LOGS, actions, listed

#: What a task may do about tasks: spare itself, and see which deployment has started it.
PROTECT = {"ecs:GetTaskProtection", "ecs:UpdateTaskProtection", "ecs:DescribeTasks"}


def definition(synthesis: Synthesis, manifest: Manifest) -> dict[str, Any]:
    (found,) = synthesis.of_agent(manifest.id, "AWS::ECS::TaskDefinition")
    return dict(found.properties)


def service(synthesis: Synthesis, manifest: Manifest) -> Resource:
    (found,) = synthesis.of_agent(manifest.id, "AWS::ECS::Service")
    return found


def test_the_container_may_write_to_its_scratch_only_and_gain_nothing(each: Synthesis):
    for manifest in each.on_fargate:
        container = each.container(manifest.id)
        user, group = container["User"].split(":")
        assert int(user) > 0
        assert int(group) > 0
        assert container["ReadonlyRootFilesystem"] is True
        assert container["Privileged"] is False
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        (mount,) = container["MountPoints"]
        assert (mount["ContainerPath"], mount["ReadOnly"]) == ("/tmp", False)
        assert definition(each, manifest)["Volumes"] == [{"Name": mount["SourceVolume"]}]


def test_a_task_has_two_minutes_to_end_and_begins_to_hand_back_before(each: Synthesis):
    for manifest in each.on_fargate:
        container = each.container(manifest.id)
        assert container["StopTimeout"] == STOP_TIMEOUT == 120
        drain = int(each.variables(manifest.id)["MUSTER_DRAIN_SECONDS"])
        assert drain == DRAIN
        assert 15 <= STOP_TIMEOUT - drain <= 30
        # Signals reach the listener, and orphans are reaped: it is not process 1 itself
        assert container["LinuxParameters"]["InitProcessEnabled"] is True


def test_a_container_gets_exactly_its_contract_and_the_manifests_own(each: Synthesis):
    own = {ListenerEnvironment.variable(f) for f in ListenerEnvironment.__dataclass_fields__}
    for manifest in each.on_fargate:
        found = each.variables(manifest.id)
        assert set(found) == own | set(manifest.env)
        # (Short on one machine, where a killed listener's jobs are to be seen coming back.)
        assert found["MUSTER_VISIBILITY_SECONDS"] == {"local": "10"}.get(each.stage.name, "120")
        assert found["MUSTER_CONCURRENCY"] == str(manifest.jobs_per_task)
        at_once = str(manifest.concurrency)
        assert found["MUSTER_AGENT_CONCURRENCY"] == found["MUSTER_SLOTS"] == at_once
        protected = {"local": "no"}.get(each.stage.name, "yes")
        assert found["MUSTER_SCALE_IN_PROTECTION"] == protected


def test_the_size_and_the_processor_are_those_of_manifest_and_stage(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        found = definition(cloud, manifest)
        assert (found["Cpu"], found["Memory"]) == ("256", "512")
        assert found["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
        assert found["RequiresCompatibilities"] == ["FARGATE"]


def test_a_stage_on_x86_runs_and_builds_x86(tmp_path: Path):
    stage = dataclasses.replace(STAGES["dev"], architecture="x86_64")
    found = synthesise(stage, [long_jobs(ephemeral_storage=30_000)], tmp_path, checked=False)
    (task,) = found.resources("AWS::ECS::TaskDefinition")
    assert task.properties["RuntimePlatform"]["CpuArchitecture"] == "X86_64"
    assert task.properties["EphemeralStorage"] == {"SizeInGiB": 30}
    assets = (found.folder / f"muster-dev-{task.stack}.assets.json").read_text()
    assert '"platform": "linux/amd64"' in assets


def test_a_failed_deployment_is_rolled_back_and_none_interrupts(each: Synthesis):
    for manifest in each.on_fargate:
        found = service(each, manifest).properties
        assert found["DeploymentConfiguration"] == {
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
            "MinimumHealthyPercent": 100,
            "MaximumPercent": 200,
        }
        # A deploy must not undo what the scaling has set
        assert ("DesiredCount" in found) != each.stage.containers.tasks
        assert found["EnableExecuteCommand"] is False


def test_a_task_starts_when_its_rights_are_there(each: Synthesis):
    for manifest in each.on_fargate:
        policies = {p.id for p in each.of_agent(manifest.id, "AWS::IAM::Policy")}
        assert policies <= set(service(each, manifest).body["DependsOn"])


def test_a_task_may_do_what_a_function_may_and_protect_itself(each: Synthesis):
    for manifest in each.on_fargate:
        role = each.role(manifest.id)
        policies = {
            p.path.split("/")[-3]: p for p in each.of_agent(manifest.id, "AWS::IAM::Policy")
        }
        own = policies["Role"]
        assert own.properties["Roles"] == [{"Ref": role.id}]
        allowed = {"sqs:SendMessage", "ecs:DescribeServices"}
        assert actions(own) == CONSUME | READ_SECRET | PROTECT | allowed
        for statement in own.properties["PolicyDocument"]["Statement"]:
            if set(listed(statement["Action"])) & (PROTECT | {"ecs:DescribeServices"}):
                kind = "task" if set(listed(statement["Action"])) & PROTECT else "service"
                resource = statement["Resource"]["Fn::Join"][1][-1]
                assert resource == f":{kind}/muster-{each.stage.name}/*"
        # And what starts it may pull its image and write its log, no more
        pull = {
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        }
        token = {"ecr:GetAuthorizationToken"}
        built = each.stage.containers.image is None
        assert actions(policies["StartRole"]) == WRITE_LOGS | (pull | token if built else set())


def test_the_local_stage_deploys_a_task_definition_and_needs_no_docker(synthesised: Any):
    local = synthesised("local")
    for manifest in local.on_fargate:
        assert local.container(manifest.id)["Image"] == "muster/listener:local"
        assert local.container(manifest.id)["Command"] == ["python", "-m", "ecs_listener"]
        assert service(local, manifest).properties["DesiredCount"] == 0
    assert not any("ApplicationAutoScaling" in r.body["Type"] for r in local.everything())
    for assets in local.folder.glob("*.assets.json"):
        assert '"dockerImages": {}' in assets.read_text()


def test_moving_an_agent_from_lambda_to_fargate_moves_its_compute_only(tmp_path: Path):
    """One line of the manifest: queues, alarm, triggers and registration stay the resources that they are."""

    def of(compute: str) -> dict[str, Resource]:
        manifest = agent("mover", compute=compute, queue=Queue(batch=1), concurrency=4)
        found = synthesise(
            STAGES["dev"], [manifest], tmp_path / compute, checked=False, validated=False
        )
        return {r.id: r for r in found.everything() if "/mover/" in r.path}

    # Given the same agent, but for one word
    on_lambda, on_fargate = of("lambda"), of("fargate")
    stays = {"AWS::SQS::Queue", "AWS::SQS::QueuePolicy"}
    # Then every queue of one is a queue of the other, under the same logical id
    before = {id_ for id_, r in on_lambda.items() if r.body["Type"] in stays}
    after = {id_ for id_, r in on_fargate.items() if r.body["Type"] in stays}
    assert before == after
    assert any("Alarmsdeadletters" in id_ for id_ in set(on_lambda) & set(on_fargate))
    # And neither leaves anything of the other's compute
    kinds = [
        {r.body["Type"].split("::")[1] for r in found.values()} for found in (on_lambda, on_fargate)
    ]
    assert "Lambda" in kinds[0] - kinds[1]
    assert {"ECS", "ApplicationAutoScaling"} <= kinds[1] - kinds[0]


def test_the_dispatcher_hears_of_tasks_of_this_cluster_that_stopped(each: Synthesis):
    # Given the one rule of the cluster
    rule = each.one("AWS::Events::Rule", "cluster")
    pattern = rule.properties["EventPattern"]
    assert pattern["detail-type"] == ["ECS Task State Change"]
    assert pattern["detail"]["lastStatus"] == ["STOPPED"]
    cluster = each.one("AWS::ECS::Cluster")
    assert pattern["detail"]["clusterArn"] == [{"Fn::GetAtt": [cluster.id, "Arn"]}]
    # Then only it may put events into the queue that the dispatcher is told
    queue = each.one("AWS::SQS::Queue", "cluster")
    assert rule.properties["Targets"][0]["Arn"] == {"Fn::GetAtt": [queue.id, "Arn"]}
    assert queue.properties["MessageRetentionPeriod"] == 3600
    policy = each.one("AWS::SQS::QueuePolicy", "cluster").properties["PolicyDocument"]
    (allowed,) = (s for s in policy["Statement"] if s["Effect"] == "Allow")
    assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"] == {"Fn::GetAtt": [rule.id, "Arn"]}
    (dispatcher,) = (f for f in each.functions() if "scheduler" in f.properties["Handler"])
    told = dispatcher.properties["Environment"]["Variables"]["MUSTER_TASK_EVENTS_QUEUE_URL"]
    assert "TaskEvents" in str(told)


@pytest.mark.parametrize("transport", ["boto3", "fast"])
def test_the_stage_chooses_how_listeners_speak_to_sqs(tmp_path: Path, transport: Any):
    stage = dataclasses.replace(
        STAGES["local"], containers=ContainerSettings(image="x", tasks=False, transport=transport)
    )
    found = synthesise(stage, [long_jobs()], tmp_path, checked=False)
    assert found.variables("long-jobs")["MUSTER_TRANSPORT"] == transport
