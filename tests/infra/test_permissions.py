"""Who may do what: the exact actions on queues, secrets and objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from muster.contracts import RESULT_PREFIX
from stacks.database_settings import InstanceDatabase
from tests.infra.synthesis import Resource, Synthesis

CONSUME = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"}
#: What Lambda asks for of the function behind an event source.
POLLED = {"sqs:GetQueueAttributes"}
#: Given to an account, not to a repository: AWS knows no narrower resource.
REGISTRY_TOKEN = "ecr:GetAuthorizationToken"
READ_SECRET = {"secretsmanager:GetSecretValue"}
WRITE_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}

#: What whoever redrives does with a queue of dead letters.
REDRIVE = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(policy: Resource) -> set[str]:
    return {
        action
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }


def on_queue(policy: Resource, queue: str) -> set[str]:
    """Actions that a role's policy allows on a queue of its own stack."""
    return {
        action
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
        if {"Fn::GetAtt": [queue, "Arn"]} in listed(statement["Resource"])
    }


def test_an_agent_consumes_its_lane_and_sends_to_its_dead_letters_only(each: Synthesis):
    for manifest in each.on_lambda:
        (policy,) = each.of_agent(manifest.id, "AWS::IAM::Policy")
        normal, dead = (
            next(q for q in each.of_agent(manifest.id, "AWS::SQS::Queue") if f"/{name}/" in q.path)
            for name in ("Normal", "DeadLetters")
        )
        assert on_queue(policy, normal.id) == CONSUME | POLLED
        assert on_queue(policy, dead.id) == {"sqs:SendMessage"}
        assert actions(policy) == CONSUME | POLLED | READ_SECRET | WRITE_LOGS | {"sqs:SendMessage"}


def test_an_agent_reads_exactly_the_secrets_that_it_names(each: Synthesis):
    for manifest in each.manifests:
        # Given the statements on secrets of an agent's role
        policies = each.of_agent(manifest.id, "AWS::IAM::Policy")
        resources = [
            "".join(part if isinstance(part, str) else "*" for part in resource["Fn::Join"][1])
            for policy in policies
            for statement in policy.properties["PolicyDocument"]["Statement"]
            if READ_SECRET & set(listed(statement["Action"]))
            for resource in listed(statement["Resource"])
            if "Fn::Join" in resource
        ]
        # Then each is of one name, with the six characters that Secrets Manager appends, or of the database
        own = [r.partition(":secret:")[2] for r in resources if "muster/" not in r]
        assert own == [f"{name}-??????" for name in manifest.secrets.values()]


def test_a_secret_is_in_no_environment(each: Synthesis):
    asking = [manifest for manifest in each.manifests if manifest.secrets]
    assert asking
    for manifest in asking:
        (function,) = each.of_agent(manifest.id, "AWS::Lambda::Function")
        variables = function.properties["Environment"]["Variables"]
        for own, name in manifest.secrets.items():
            assert own not in variables
            assert name not in str(variables)


def test_the_dispatcher_is_let_in_by_the_queues_and_needs_no_right_of_its_own(each: Synthesis):
    # Given the policies of all queues of agents; events have rights and a test of their own
    for policy in each.resources("AWS::SQS::QueuePolicy", "agents"):
        if "/Undelivered/" in policy.path:
            continue
        (allowed,) = _let_in(policy, f"muster-{each.stage.name}-dispatcher")
        # Then the dispatcher may send, and count what waits in a lane; it may not receive or delete
        counts = [] if "/DeadLetters/" in policy.path else ["sqs:GetQueueAttributes"]
        assert listed(allowed["Action"]) == [*counts, "sqs:SendMessage"]
    # And its own role names no queue, however many agents there are
    own = [p for p in each.resources("AWS::IAM::Policy", "dispatcher") if "/Dispatcher/" in p.path]
    hear = {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    assert [actions(policy) for policy in own] == [READ_SECRET | WRITE_LOGS | hear]
    heard = [s for s in own[0].properties["PolicyDocument"]["Statement"] if "TaskEvents" in str(s)]
    assert [set(s["Action"]) for s in heard] == [hear]


def _let_in(policy: Resource, stack: str) -> list[Mapping[str, Any]]:
    """Statements of a queue's policy that let a role of that stack in."""
    return [
        s
        for s in policy.properties["PolicyDocument"]["Statement"]
        if s["Effect"] == "Allow" and stack in str(s["Principal"].get("AWS"))
    ]


def test_the_api_puts_jobs_on_lanes_redrives_dead_letters_and_may_do_nothing_else(each: Synthesis):
    # Given the policies of all queues of agents
    lanes = 0
    for policy in each.resources("AWS::SQS::QueuePolicy", "agents"):
        # Then the API may send to a lane, and take dead letters out of an agent's own queue of them
        allowed = [listed(s["Action"]) for s in _let_in(policy, f"muster-{each.stage.name}-api")]
        is_lane = "/DeadLetters/" not in policy.path and "/Undelivered/" not in policy.path
        is_dead = "/DeadLetters/" in policy.path
        assert allowed == ([["sqs:SendMessage"]] if is_lane else [REDRIVE] if is_dead else [])
        lanes += is_lane
    assert lanes
    # And nobody else is let in than the dispatcher, the API and AWS's own events
    for policy in each.resources("AWS::SQS::QueuePolicy", "agents"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            known = ("-dispatcher", "-api", "Service", "'AWS': '*'")
            assert any(word in str(statement["Principal"]) for word in known), policy.path
    # And its own role reads secrets and writes its log, and puts letters into their archive
    (own,) = (p for p in each.resources("AWS::IAM::Policy", "api"))
    assert actions(own) == READ_SECRET | WRITE_LOGS
    (policy,) = (
        p for p in each.resources("AWS::IAM::ManagedPolicy") if p.id.startswith("WriteArchive")
    )
    (archives,) = policy.properties["PolicyDocument"]["Statement"]
    assert archives["Action"] == "s3:PutObject"
    assert archives["Resource"]["Fn::Join"][1][-1] == "/dead-letters/*"


def test_registering_reads_secret_and_manifests_and_nothing_else(each: Synthesis):
    (policy,) = (
        p for p in each.resources("AWS::IAM::Policy", "registry") if "/Register/" in p.path
    )
    wanted = {"s3:GetObject", "secretsmanager:PutSecretValue"}
    assert actions(policy) == READ_SECRET | WRITE_LOGS | wanted


def test_each_component_reads_the_login_of_its_own_role_and_no_other(each: Synthesis):
    # Given the rights and environments of every component but the one that migrates
    wanted = {"agents": {"worker"}, "dispatcher": {"dispatcher"}, "api": {"api"}}
    named = re.compile(rf"muster/{each.stage.name}/database/(\w+)")
    read: dict[str, set[str]] = {noun: set() for noun in wanted}
    told: dict[str, set[str]] = {noun: set() for noun in wanted}
    for type_, found in (
        ("AWS::IAM::Policy", read),
        ("AWS::Lambda::Function", told),
        ("AWS::ECS::TaskDefinition", told),
    ):
        for resource in each.resources(type_):
            noun = resource.stack.split("-")[0]
            if noun in wanted:
                found[noun] |= set(named.findall(json.dumps(resource.properties)))
    # Then each reads the login of its role, is told of it, and of no other
    assert read == told == wanted
    # And the database's own secret is registration's
    own = each.stage.database
    if isinstance(own, InstanceDatabase):
        users = {
            resource.stack.split("-")[0]
            for resource in each.resources("AWS::IAM::Policy")
            if "SecretA720EF05" in json.dumps(resource.properties)
        }
        assert users == {"registry"}


def test_an_agent_writes_results_under_its_own_name_only(each: Synthesis):
    (policy,) = (
        p for p in each.resources("AWS::IAM::ManagedPolicy") if p.id.startswith("WriteResults")
    )
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert statement["Action"] == "s3:PutObject"
    assert (
        statement["Resource"]["Fn::Join"][1][1] == f"/{RESULT_PREFIX}${{aws:PrincipalTag/Agent}}/*"
    )
    for manifest in each.manifests:
        role = each.role(manifest.id)
        assert {"Key": "Agent", "Value": manifest.id} in role.properties["Tags"]


def test_buckets_are_granted_as_the_manifest_asks(each: Synthesis):
    for manifest in each.manifests:
        role = each.role(manifest.id)
        attached = str(role.properties["ManagedPolicyArns"])
        assert ("ReadUploads" in attached) == ("bucket:uploads" in manifest.permissions.read)
        assert ("WriteUploads" in attached) == ("bucket:uploads" in manifest.permissions.write)
        assert "WriteResults" in attached


def test_reading_a_bucket_is_not_writing_it(each: Synthesis):
    granted = {
        p.id.split("Uploads")[0]: actions(p)
        for p in each.resources("AWS::IAM::ManagedPolicy")
        if "Uploads" in p.id
    }
    assert granted == {
        "Read": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
        "Write": {"s3:AbortMultipartUpload", "s3:PutObject"},
    }


def test_no_role_may_do_everything(each: Synthesis):
    for type_ in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for policy in each.resources(type_):
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                assert not any("*" in action for action in listed(statement["Action"])), policy.path
                if statement["Action"] != REGISTRY_TOKEN:
                    assert "*" not in listed(statement["Resource"]), policy.path


def test_the_api_alone_reads_the_secrets_of_webhooks(each: Synthesis):
    # Given every statement on secrets, of every role
    prefix = f":secret:muster/{each.stage.name}/hooks/"
    readers = [
        (policy.stack, listed(statement["Action"]))
        for policy in each.resources("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if prefix in str(statement["Resource"])
    ]
    # Then one statement names theirs, by their prefix, and it lets nothing but read
    assert readers == [("api", ["secretsmanager:GetSecretValue"])]
