"""A thousand messages, seen from outside: `muster env --json`, AWS's own API and the tables, nothing else."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

AGENT = "document-profile"
GOOD, MALFORMED, TWICE = 990, 10, 50


def test_every_message_leaves_one_true_record(deployed: DeployedCopy):
    # Given 990 good messages, 50 of them sent twice, and 10 that cannot be understood
    sqs = deployed.aws.client("sqs")
    agent = deployed.described["agents"][AGENT]
    texts = {f"black-box-{n}": f"Letter number {n} weighs {n * 7} grams." for n in range(GOOD)}
    good = [_envelope(job_id, text) for job_id, text in texts.items()]
    bodies = [*good[:TWICE], *good, *(f'{{"text": "cut off {n}' for n in range(MALFORMED))]
    duplicates_before = _duplicates_metric(deployed)
    # When they are sent
    message_ids = _send(sqs, agent["queue_url"], bodies)
    malformed = set(message_ids[-MALFORMED:])
    # Then 990 executions complete and 10 fail, each job with one record
    wanted = [*texts, *malformed]
    wait_for(lambda: _ended(deployed, wanted) == len(wanted), what="all ended", timeout=900)
    rows = deployed.query(
        "SELECT job_id, status, attempts, result, error FROM agent_job_execution"
        " WHERE agent_id = %s AND job_id = ANY(%s)",
        AGENT,
        wanted,
    )
    assert len(rows) == len(wanted) == len({row[0] for row in rows})
    assert Counter(row[1] for row in rows) == {"completed": GOOD, "failed": MALFORMED}
    # And every result is of that very text, from the first and only attempt
    for job_id, status, attempts, result, error in rows:
        if status == "completed":
            assert attempts == 1
            assert result["sha256"] == hashlib.sha256(texts[job_id].encode()).hexdigest()
        else:
            assert job_id in malformed
            assert error["code"] == "malformed_body"
    # And the 50 copies are told as duplicates, by event and by metric
    wait_for(lambda: _duplicate_events(deployed, wanted) >= TWICE, what="duplicates told")
    assert _duplicate_events(deployed, wanted) == TWICE
    wait_for(
        lambda: _duplicates_metric(deployed) - duplicates_before >= TWICE, what="duplicates counted"
    )
    assert _duplicates_metric(deployed) - duplicates_before == TWICE
    # And the dead-letter queue holds the ten, each once and with its reason
    dead = _receive_all(sqs, agent["dlq_url"])
    ours = [told for told in map(_attributes, dead) if told["muster-job"] in malformed]
    assert len(ours) == MALFORMED
    assert {told["muster-job"] for told in ours} == malformed
    assert all(told["muster-reason"].startswith("malformed_body: ") for told in ours)
    # And nothing is left in the queue
    wait_for(lambda: _depth(sqs, agent["queue_url"]) == 0, what="an empty queue")


@pytest.mark.parametrize(
    "body", ['{"text": "as people type it"}', '{"jobId": "mp-1", "params": {"text": "x"}}']
)
def test_other_forms_of_messages_are_understood(deployed: DeployedCopy, body: str):
    # Given a message that is no envelope
    sqs = deployed.aws.client("sqs")
    url = deployed.described["agents"][AGENT]["queue_url"]
    # When it is dropped onto the queue
    message_id = sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]
    job_id = json.loads(body).get("jobId", message_id)
    # Then its job completes
    wait_for(lambda: _ended(deployed, [job_id]) == 1, what="the job's end")
    ((status,),) = deployed.query(
        "SELECT status FROM agent_job_execution WHERE agent_id = %s AND job_id = %s", AGENT, job_id
    )
    assert status == "completed"


def _envelope(job_id: str, text: str) -> str:
    return json.dumps({"muster": 1, "job_id": job_id, "params": {"text": text}})


def _send(sqs: Any, url: str, bodies: list[str]) -> list[str]:
    ids: list[str] = []
    for start in range(0, len(bodies), 10):
        chunk = bodies[start : start + 10]
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(chunk)]
        reply = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        assert not reply.get("Failed")
        ids += [
            sent["MessageId"] for sent in sorted(reply["Successful"], key=lambda s: int(s["Id"]))
        ]
    return ids


def _ended(deployed: DeployedCopy, job_ids: list[str]) -> int:
    ((number,),) = deployed.query(
        "SELECT count(*) FROM agent_job_execution WHERE agent_id = %s AND job_id = ANY(%s)"
        " AND status NOT IN ('pending', 'running')",
        AGENT,
        job_ids,
    )
    return number


def _duplicate_events(deployed: DeployedCopy, job_ids: list[str]) -> int:
    ((number,),) = deployed.query(
        "SELECT count(*) FROM execution_event v JOIN agent_job_execution e USING (execution_id)"
        " WHERE v.kind = 'duplicate' AND e.agent_id = %s AND e.job_id = ANY(%s)",
        AGENT,
        job_ids,
    )
    return number


def _duplicates_metric(deployed: DeployedCopy) -> int:
    """Sum of the metric, from the log lines that CloudWatch would make metrics of."""
    name = deployed.described["agents"][AGENT]["function_name"]
    function = deployed.aws.client("lambda").get_function_configuration(FunctionName=name)
    pages = deployed.aws.client("logs").get_paginator("filter_log_events")
    total = 0
    for page in pages.paginate(logGroupName=function["LoggingConfig"]["LogGroup"]):
        for event in page["events"]:
            if event["message"].startswith('{"_aws"'):
                total += sum(json.loads(event["message"]).get("Duplicates", []))
    return int(total)


def _receive_all(sqs: Any, url: str) -> list[dict[str, Any]]:
    # By id: one that is shown again meanwhile is no second one.
    found: dict[str, dict[str, Any]] = {}
    while reply := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=30
    ).get("Messages"):
        found |= {message["MessageId"]: message for message in reply}
    return list(found.values())


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    return {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}


def _depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)
