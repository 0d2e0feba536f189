"""The message of a job that was asked for over HTTP: when it leaves, and who hears what became of it."""

from __future__ import annotations

import json

import pytest

from muster.ports import Outgoing, Sent
from tests.support.api_calls import AGENT, QUEUE, Api, Reply
from tests.support.queues import MemoryQueues


def _post(api: Api) -> Reply:
    return api.call("POST", "/jobs", body={"agent_id": AGENT, "params": {"n": 1}})


def test_no_message_leaves_before_its_record_is_there(api: Api):
    # Given a queue that looks into the ledger whenever something is sent
    found: list[int] = []

    class Looking(MemoryQueues):
        def send_batch(self, queue_url: str, entries: list[Outgoing]) -> list[Sent]:  # type: ignore[override]  # narrower
            for entry in entries:
                job_id = json.loads(entry.body)["job_id"]
                found.append(
                    len(
                        api.query(
                            "SELECT 1 AS x FROM agent_job_execution WHERE job_id = %s", job_id
                        )
                    )
                )
            return super().send_batch(queue_url, entries)

    queues = Looking()
    queues.create(QUEUE.removeprefix("memory://"))
    process = Api(url=api.url, database=api.database, queues=queues, key=api.key)
    # When jobs are asked for, the first step by step and the others at once
    for _ in range(3):
        assert _post(process).status == 202
    # Then each was in the ledger, for everybody to see
    assert found == [1, 1, 1]


def test_a_call_does_not_wait_for_what_the_queue_says_and_the_next_one_hears_it(
    api: Api, caplog: pytest.LogCaptureFixture
):
    # Given a queue that is gone
    assert isinstance(api.queues, MemoryQueues)
    del api.queues.stored[QUEUE]
    # When a job is asked for, its record is there, and that is all that counts
    first = _post(api)
    assert first.status == 202
    assert not caplog.records
    # Then the next call hears what became of the message, and says whose it was: the relay sends it
    assert _post(api).status == 202
    [said] = caplog.records
    assert said.message == "job was not sent; the relay will"
    assert said.__dict__["execution"] == first.json["execution_id"]
