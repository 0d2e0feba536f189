"""Objects that start jobs: the way from the bucket to the lane, and the agents that may not go it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster.manifest import Manifest, Permissions, S3Trigger
from stacks.config import STAGES, ImportedBucket, Stage
from tests.infra.synthesis import Resource, Synthesis, agent, synthesise

DEV = STAGES["dev"]
SHARED = dataclasses.replace(
    DEV,
    buckets={
        "uploads": None,
        "shared": ImportedBucket(name="their-bucket", sends_events=True),
        "silent": ImportedBucket(name="their-silent-bucket"),
    },
)


def triggered(agent_id: str, *triggers: S3Trigger, write: tuple[str, ...] = ()) -> Manifest:
    return agent(agent_id, s3=triggers, permissions=Permissions(write=write))


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What is wrong with agents on the stage with imported buckets."""
    from stacks import fit

    def no_sizes(_: Stage, __: object) -> list[str]:
        return []

    monkeypatch.setattr(fit, "size_problems", no_sizes)
    return lambda *agents: fit.misfits(SHARED, agents)


def rules(synthesis: Synthesis, agent_id: str) -> list[Resource]:
    return synthesis.of_agent(agent_id, "AWS::Events::Rule")


def queue(synthesis: Synthesis, agent_id: str, name: str) -> Resource:
    found = synthesis.of_agent(agent_id, "AWS::SQS::Queue")
    (one,) = (q for q in found if q.path.endswith(f"/{name}/Resource"))
    return one


def test_own_buckets_send_their_events_to_eventbridge_and_no_other_does(each: Synthesis):
    for bucket in each.resources("AWS::S3::Bucket"):
        sends = bucket.properties.get("NotificationConfiguration")
        on = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        assert sends == (on if bucket.path.endswith("/Uploads/Resource") else None)


def test_a_trigger_is_a_rule_with_the_lane_as_target_and_a_dead_letter_queue(each: Synthesis):
    # Given the agent that profiles what is dropped below incoming/
    (rule,) = rules(each, "document-profile")
    # Then its rule takes new objects of that bucket and prefix only
    pattern = rule.properties["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["object"] == {"key": [{"prefix": "incoming/"}]}
    assert "Uploads" in str(pattern["detail"]["bucket"]["name"])
    # And sends them to the lane, or where somebody is told that they could not be sent
    (target,) = rule.properties["Targets"]
    lane = queue(each, "document-profile", "Normal")
    undelivered = queue(each, "document-profile", "Undelivered")
    assert target["Arn"] == {"Fn::GetAtt": [lane.id, "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [undelivered.id, "Arn"]}}
    assert undelivered.body["DeletionPolicy"] == "Retain"
    assert any(
        undelivered.id in str(alarm.properties.get("Dimensions"))
        for alarm in each.of_agent("document-profile", "AWS::CloudWatch::Alarm")
    )


def test_only_that_rule_may_send_to_the_lane(each: Synthesis):
    (rule,) = rules(each, "document-profile")
    for name in ("Normal", "Undelivered"):
        target = queue(each, "document-profile", name)
        (policy,) = (
            p
            for p in each.of_agent("document-profile", "AWS::SQS::QueuePolicy")
            if p.properties["Queues"] == [{"Ref": target.id}]
        )
        (allowed,) = (
            s
            for s in policy.properties["PolicyDocument"]["Statement"]
            if s["Principal"] == {"Service": "events.amazonaws.com"}
        )
        assert allowed["Action"] == "sqs:SendMessage"
        assert allowed["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [rule.id, "Arn"]}]},
        }


def test_an_agent_without_triggers_has_nothing_of_it(each: Synthesis):
    assert rules(each, "asks-for-all") == []
    queues = each.of_agent("asks-for-all", "AWS::SQS::Queue")
    assert not any("/S3/" in queue.path for queue in queues)


def test_an_imported_bucket_starts_jobs_and_is_granted(tmp_path: Path):
    # Given an agent with two triggers, one on a bucket that exists already, part of which it may write
    both = triggered(
        "one",
        S3Trigger(bucket="shared", prefix="in/", suffix=".csv"),
        S3Trigger(bucket="uploads"),
        write=("bucket:shared/out/",),
    )
    found = synthesise(SHARED, [both], tmp_path)
    # Then there are two rules, and the imported bucket is named as it is
    details = [rule.properties["EventPattern"]["detail"] for rule in rules(found, "one")]
    assert {
        "bucket": {"name": ["their-bucket"]},
        "object": {"key": [{"wildcard": "in/*.csv"}]},
    } in details
    assert [{"bucket"}, {"bucket", "object"}] == sorted(map(set, details), key=len)
    # And the right is for that part of it
    (right,) = (
        statement
        for policy in found.resources("AWS::IAM::ManagedPolicy")
        if policy.id.startswith("WriteShared") and policy.id != "WriteShared"
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "out/*" in str(statement["Resource"])
    )
    assert "their-bucket" in str(right["Resource"])
    # And nothing was found that is not acknowledged
    assert [f for p in found.report()["pluginReports"] for f in p["violations"]] == []


def test_a_bucket_that_is_not_there_is_refused_with_those_that_are(problems: Any):
    (problem,) = problems(triggered("one", S3Trigger(bucket="missing")))
    assert "s3[0].bucket = 'missing'" in problem
    assert "has the buckets uploads, shared, silent" in problem


def test_an_imported_bucket_whose_events_nobody_switched_on_is_refused_with_the_cure(problems: Any):
    (problem,) = problems(triggered("one", S3Trigger(bucket="silent")))
    assert "put-bucket-notification-configuration --bucket their-silent-bucket" in problem
    assert '{"EventBridgeConfiguration": {}}' in problem
    assert "sends_events=True" in problem


IN = S3Trigger(bucket="uploads", prefix="in/")


@pytest.mark.parametrize(
    ("trigger", "write"),
    [
        (IN, "bucket:uploads"),
        (IN, "bucket:uploads/in/"),
        (IN, "bucket:uploads/in/out/"),
        (S3Trigger(bucket="uploads"), "bucket:uploads/out/"),
        (S3Trigger(bucket="uploads", prefix="out/a"), "bucket:uploads/out/"),
        (S3Trigger(bucket="uploads", suffix=".csv"), "bucket:uploads/out/"),
    ],
)
def test_an_agent_that_would_start_itself_is_refused_with_the_cure(
    problems: Any, trigger: S3Trigger, write: str
):
    (problem,) = problems(triggered("one", trigger, write=(write,)))
    assert "start it again without end; let permissions.write name" in problem


def test_agents_that_would_start_each_other_are_refused(problems: Any):
    # Given a ring of three agents, and one that only feeds it
    other, third = S3Trigger(bucket="shared", prefix="a/"), S3Trigger(bucket="shared", prefix="b/")
    found = problems(
        triggered("one", IN, write=("bucket:shared/a/",)),
        triggered("two", other, write=("bucket:shared/b/",)),
        triggered("three", third, write=("bucket:uploads/in/",)),
        triggered(
            "feeder", S3Trigger(bucket="uploads", prefix="x/"), write=("bucket:uploads/in/",)
        ),
    )
    # Then each of the three is told its way around
    ways = [re.search(r"by way of ([^;]+);", problem) for problem in found]
    assert [way and way[1] for way in ways] == ["two, three", "three, one", "one, two"]


def test_two_names_of_one_bucket_are_one_bucket(problems: Any):
    from stacks import fit

    same = ImportedBucket(name="their-bucket", sends_events=True)
    stage = dataclasses.replace(SHARED, buckets={"a": same, "b": same})
    looping = triggered("one", S3Trigger(bucket="a"), write=("bucket:b",))
    assert len(fit.misfits(stage, [looping])) == 1


@pytest.mark.parametrize("write", ["bucket:uploads/out/", "bucket:shared", "bucket:uploads/i/"])
def test_output_that_lies_elsewhere_is_no_loop(problems: Any, write: str):
    assert problems(triggered("one", IN, write=(write,))) == []


@pytest.mark.parametrize(
    ("prefix", "suffix", "patterns"),
    [
        ("", "", []),
        ("in/", "", [{"prefix": "in/"}]),
        ("", ".csv", [{"suffix": ".csv"}]),
        ("in/", ".csv", [{"wildcard": "in/*.csv"}]),
        ("a*\\", "*b", [{"wildcard": "a\\*\\\\*\\*b"}]),
        ("in/", "/all.csv", [{"wildcard": "in/*/all.csv"}, "in/all.csv"]),
        ("aa", "aa", [{"wildcard": "aa*aa"}, "aaa", "aa"]),
        ("in/a.csv", ".csv", [{"wildcard": "in/a.csv*.csv"}, "in/a.csv"]),
    ],
)
def test_keys_that_begin_and_end_so_match(prefix: str, suffix: str, patterns: list[Any]):
    from stacks.constructs.s3_triggers import key_patterns

    assert key_patterns(prefix=prefix, suffix=suffix) == patterns
