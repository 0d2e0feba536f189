"""A4 on the deployed cloud: `concurrency = 1` and three lanes do one thing at a time, and starve none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from muster.aws.sqs import Queues
from muster.message.envelope import envelope
from muster.ports import Outgoing
from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

AGENT = "takes-turns"

#: Five times and more what one function does in a minute.
URGENT = 900


@pytest.fixture
def queues(deployed: DeployedCopy) -> Iterator[Queues]:
    """SQS; what is left in the urgent lane when the test ends is thrown away."""
    client = deployed.aws.client("sqs")
    yield Queues(client=client)
    client.purge_queue(QueueUrl=_lane(deployed, "urgent"))
    wait_for(lambda: not _running(deployed), what="the last job to end")


def test_low_starts_within_a_minute_under_five_times_overload_and_never_two_run_at_once(
    deployed: DeployedCopy, queues: Queues
):
    # Given more urgent jobs than can be done in minutes, and a warm function
    _send(deployed, queues, "urgent", URGENT)
    wait_for(lambda: len(_turns(deployed)) >= 3, what="urgent jobs under way", timeout=600)
    # When a job of low and one of normal come
    _send(deployed, queues, "low", 1)
    _send(deployed, queues, "normal", 1)
    wait_for(lambda: _waited(deployed, "low") is not None, what="the job of low", timeout=600)
    wait_for(lambda: _waited(deployed, "normal") is not None, what="the job of normal", timeout=600)
    # Then each started within a minute, with urgent ones still waiting
    assert max(_waited(deployed, "low") or 999, _waited(deployed, "normal") or 999) < 60
    assert queues.depth(_lane(deployed, "urgent")).total > 100
    # And nothing ever ran beside anything else
    turns = sorted(_turns(deployed))
    assert [(end, begin) for (_, end), (begin, _) in pairwise(turns) if begin < end] == []


def _lane(deployed: DeployedCopy, lane: str) -> str:
    return deployed.described["agents"][AGENT]["queues"][lane]


def _send(deployed: DeployedCopy, queues: Queues, lane: str, count: int) -> None:
    entries = [
        Outgoing(body=envelope(job_id=f"turn-{lane}-{n}", agent_id=AGENT, params={}, priority=lane))
        for n in range(count)
    ]
    assert all(sent.ok for sent in queues.send_batch(_lane(deployed, lane), entries))


def _turns(deployed: DeployedCopy) -> list[tuple[float, float]]:
    """From when to when each finished job ran, by the agent's own clock."""
    return deployed.query(
        "SELECT (result->>'begin')::float8, (result->>'end')::float8 FROM agent_job_execution"
        " WHERE agent_id = %s AND status = 'completed'",
        AGENT,
    )


def _waited(deployed: DeployedCopy, lane: str) -> float | None:
    """Seconds from the arrival of the lane's job to its start; None while it waits."""
    rows = deployed.query(
        "SELECT (result->>'begin')::float8 - extract(epoch FROM queued_at)::float8"
        " FROM agent_job_execution WHERE agent_id = %s AND job_id = %s AND status = 'completed'",
        AGENT,
        f"turn-{lane}-0",
    )
    return rows[0][0] if rows else None


def _running(deployed: DeployedCopy) -> bool:
    return bool(
        deployed.query(
            "SELECT 1 FROM agent_job_execution WHERE agent_id = %s AND status = 'running'", AGENT
        )
    )
