"""Queues lose nothing: they outlive their agent, take no plain HTTP, and wait long enough."""

from __future__ import annotations

from muster.lane import LANES
from muster.manifest import Manifest
from stacks.lane_shares import lane_shares
from tests.infra.synthesis import Resource, Synthesis


def queues(synthesis: Synthesis, manifest: Manifest) -> tuple[dict[str, Resource], Resource]:
    """An agent's lane queues by lane, and its dead-letter queue."""
    found = {q.path.split("/")[-2]: q for q in synthesis.of_agent(manifest.id, "AWS::SQS::Queue")}
    lanes = {lane: found.pop(lane.capitalize()) for lane in manifest.queue.lanes}
    assert set(found) - {"Undelivered"} == {"DeadLetters"}
    return lanes, found["DeadLetters"]


def test_the_timeouts_of_function_and_queue_follow_from_the_manifest(each: Synthesis):
    for manifest in each.on_lambda:
        lanes, dead = queues(each, manifest)
        (function,) = each.of_agent(manifest.id, "AWS::Lambda::Function")
        seconds = manifest.queue.batch * manifest.timeout.total_seconds() + 15
        assert function.properties["Timeout"] == seconds
        receives = min(1000, 10 * (manifest.retries + 1))
        for queue in lanes.values():
            assert queue.properties["VisibilityTimeout"] == 6 * seconds
            assert queue.properties["RedrivePolicy"] == {
                "deadLetterTargetArn": {"Fn::GetAtt": [dead.id, "Arn"]},
                # Waiting for a slot must not look like failing.
                "maxReceiveCount": 1000 if slots(each, manifest) else receives,
            }


def test_messages_are_kept_longer_once_they_are_dead(each: Synthesis):
    for manifest in each.manifests:
        lanes, dead = queues(each, manifest)
        for queue in lanes.values():
            assert queue.properties["MessageRetentionPeriod"] == 4 * 24 * 3600
        assert dead.properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_removed_agents_queues_stay(each: Synthesis):
    for manifest in each.manifests:
        lanes, dead = queues(each, manifest)
        for queue in (*lanes.values(), dead):
            assert queue.body["DeletionPolicy"] == "Retain"
            assert queue.body["UpdateReplacePolicy"] == "Retain"


def test_every_queue_is_encrypted_and_refuses_plain_http(each: Synthesis):
    refusing = {
        str(policy.properties["Queues"][0]["Ref"])
        for policy in each.resources("AWS::SQS::QueuePolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Action"] == "sqs:*"
        and statement["Principal"] == {"AWS": "*"}
    }
    for queue in each.resources("AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True
        assert "FifoQueue" not in queue.properties
        assert queue.id in refusing


def test_an_event_source_reports_failures_one_by_one(each: Synthesis):
    for manifest in each.on_lambda:
        lanes, _ = queues(each, manifest)
        sources = each.of_agent(manifest.id, "AWS::Lambda::EventSourceMapping")
        fed_by = {source.properties["EventSourceArn"]["Fn::GetAtt"][0] for source in sources}
        assert fed_by == {queue.id for queue in lanes.values()}
        assert len(sources) == len(lanes)
        for source in sources:
            assert source.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert source.properties["BatchSize"] == manifest.queue.batch


def test_the_lanes_share_the_concurrency_and_slots_count_where_they_cannot(each: Synthesis):
    for manifest in each.on_lambda:
        lanes, _ = queues(each, manifest)
        shares = lane_shares(manifest, each.stage)
        limits = {
            source.properties["EventSourceArn"]["Fn::GetAtt"][0]: source.properties["ScalingConfig"]
            for source in each.of_agent(manifest.id, "AWS::Lambda::EventSourceMapping")
        }
        assert limits == {
            lanes[lane].id: {"MaximumConcurrency": share}
            for lane, share in shares.functions.items()
        }
        assert slots(each, manifest) == shares.slots
        assert shares.total <= manifest.concurrency or shares.slots == manifest.concurrency


def test_five_lanes_and_slots_are_among_what_is_checked(each: Synthesis):
    (manifest,) = (m for m in each.manifests if m.id == "asks-for-all")
    assert manifest.queue.lanes == LANES
    assert slots(each, manifest) == manifest.concurrency == 3


def slots(synthesis: Synthesis, manifest: Manifest) -> int:
    """What the worker is told to count."""
    return int(synthesis.variables(manifest.id)["MUSTER_SLOTS"])
