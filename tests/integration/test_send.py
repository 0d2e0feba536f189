"""`muster send` and the lanes of an agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from local.emulator import REGION
from muster.cli import main
from muster.cli.exit import Exit
from tests.support.clerk import query
from tests.support.emulator import session


@pytest.fixture
def sqs(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the SQS in which an agent `feeds` has the lanes urgent and normal."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        client = session().client("sqs")
        queues = {
            lane: client.create_queue(QueueName=lane)["QueueUrl"] for lane in ("urgent", "normal")
        }
        query(
            database_url,
            "INSERT INTO agent_registry (agent_id, endpoint) VALUES ('feeds', %s)",
            json.dumps({"type": "sqs", "queues": queues, "dlq": "none"}),
        )
        yield client


def _send(url: str, *options: str) -> int:
    return main(["send", "feeds", *options, "--json"], environ={"DATABASE_URL": url})


def _body(sqs: Any, lane: str) -> dict[str, Any]:
    """What lies in a lane: one message."""
    url = sqs.get_queue_url(QueueName=lane)["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    return json.loads(message["Body"])


@pytest.mark.parametrize(
    ("priority", "lane"),
    [("urgent", "urgent"), ("critical", "urgent"), ("high", "normal"), ("low", "normal")],
)
def test_a_job_goes_to_the_nearest_lane_and_keeps_its_priority(
    database_url: str, sqs: Any, capsys: pytest.CaptureFixture[str], priority: str, lane: str
):
    # Given an agent with two lanes / When a job of some priority is sent
    code = _send(database_url, "--priority", priority)
    told = capsys.readouterr()
    # Then it lies in the nearest lane and says what was asked for
    assert code == Exit.OK
    assert json.loads(told.out)["lane"] == lane
    assert _body(sqs, lane)["priority"] == priority
    # And where that is not its own, a line says so
    apart = f"feeds has no lane {priority}, only urgent, normal: it goes to {lane}."
    assert (apart in told.err) == (lane != priority)


def test_a_job_without_a_priority_is_a_normal_one(
    database_url: str, sqs: Any, capsys: pytest.CaptureFixture[str]
):
    assert _send(database_url) == Exit.OK
    assert _body(sqs, "normal")["priority"] == "normal"
    assert capsys.readouterr().err == ""


def test_a_priority_that_nobody_knows_is_refused(
    database_url: str, sqs: Any, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        _send(database_url, "--priority", "asap")
    assert ended.value.code == Exit.USAGE
    assert "choose from" in capsys.readouterr().err
