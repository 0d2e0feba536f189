"""Queues lose nothing: they outlive their agent, take no plain HTTP, and wait long enough."""

from __future__ import annotations

from tests.infra.synthesis import Resource, Synthesis


def queues(synthesis: Synthesis, agent_id: str) -> tuple[Resource, Resource]:
    """An agent's lane queue and its dead-letter queue."""
    found = {q.path.split("/")[-2]: q for q in synthesis.of_agent(agent_id, "AWS::SQS::Queue")}
    assert set(found) - {"Undelivered"} == {"Normal", "DeadLetters"}
    return found["Normal"], found["DeadLetters"]


def test_the_timeouts_of_function_and_queue_follow_from_the_manifest(each: Synthesis):
    for manifest in each.manifests:
        normal, dead = queues(each, manifest.id)
        (function,) = each.of_agent(manifest.id, "AWS::Lambda::Function")
        seconds = manifest.queue.batch * manifest.timeout.total_seconds() + 15
        assert function.properties["Timeout"] == seconds
        assert normal.properties["VisibilityTimeout"] == 6 * seconds
        assert normal.properties["RedrivePolicy"] == {
            "deadLetterTargetArn": {"Fn::GetAtt": [dead.id, "Arn"]},
            "maxReceiveCount": min(1000, 10 * (manifest.retries + 1)),
        }


def test_messages_are_kept_longer_once_they_are_dead(each: Synthesis):
    for manifest in each.manifests:
        normal, dead = queues(each, manifest.id)
        assert normal.properties["MessageRetentionPeriod"] == 4 * 24 * 3600
        assert dead.properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_removed_agents_queues_stay(each: Synthesis):
    for manifest in each.manifests:
        for queue in queues(each, manifest.id):
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
    for manifest in each.manifests:
        (source,) = each.of_agent(manifest.id, "AWS::Lambda::EventSourceMapping")
        assert source.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source.properties["BatchSize"] == manifest.queue.batch
        assert source.properties["ScalingConfig"] == {
            "MaximumConcurrency": each.stage.functions_at_once(manifest.concurrency)
        }
