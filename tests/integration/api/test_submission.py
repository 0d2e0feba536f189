"""`POST /v1/jobs` on a real database: recorded before the answer, once for each id, and never lost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from muster.errors import QueueUnavailable
from muster.ports import Outgoing, Sent
from tests.support.api_calls import AGENT, QUEUE, URGENT, Api
from tests.support.clerk import database_of
from tests.support.queues import MemoryQueues

ROW = "SELECT * FROM agent_job_execution ORDER BY created_at"


class AbsentQueues(MemoryQueues):
    """SQS is away."""

    def send_batch(self, queue_url: str, entries: list[Outgoing]) -> list[Sent]:  # type: ignore[override]  # narrower
        return [Sent(error=QueueUnavailable()) for _ in entries]


def _bodies(api: Api, queue_url: str) -> list[dict[str, object]]:
    assert isinstance(api.queues, MemoryQueues)
    return [json.loads(message.body) for message in api.queues.stored.get(queue_url, [])]


def test_a_job_is_recorded_sent_and_answered_with_its_ids(api: Api):
    # When a job is asked for
    reply = api.call(
        "POST", "/v1/jobs", body={"agent_id": AGENT, "params": {"n": 1}, "job_id": "j"}
    )
    # Then the answer names it
    assert reply.status == 202
    assert (reply.json["job_id"], reply.json["agent_id"], reply.json["status"]) == (
        "j",
        AGENT,
        "pending",
    )
    assert reply.headers["Location"] == f"/v1/jobs/{reply.json['execution_id']}"
    # And it is in the ledger as an outbox entry, with the agent's version and budget
    [row] = api.query(ROW)
    assert row["execution_id"] == reply.json["execution_id"]
    assert (row["source"], row["status"], row["max_attempts"]) == ("api", "pending", 3)
    assert (row["agent_version"], row["tenant"]) == ("1.2.0", "default")
    assert row["relay_after"] - row["created_at"] == timedelta(seconds=90)
    [event] = api.query("SELECT kind, to_status FROM execution_event")
    assert event == {"kind": "created", "to_status": "pending"}
    # And its message is on the way
    [message] = _bodies(api, QUEUE)
    assert (message["job_id"], message["params"], message["source"]) == ("j", {"n": 1}, "api")


def test_a_priority_takes_its_lane_and_a_config_stays_in_the_row(api: Api):
    body = {"agent_id": AGENT, "priority": "critical", "config": {"most": 3}}
    assert api.call("POST", "/v1/jobs", body=body).status == 202
    assert len(_bodies(api, URGENT)) == 1
    [row] = api.query(ROW)
    assert (row["priority"], row["config"], row["params"]) == ("critical", {"most": 3}, {})


def test_the_same_id_and_body_again_is_the_same_job(api: Api):
    body = {"agent_id": AGENT, "params": {"n": 1, "m": [1.5, None]}, "job_id": "j"}
    first = api.call("POST", "/v1/jobs", body=body)
    again = api.call("POST", "/v1/jobs", body=body)
    assert (first.status, again.status) == (202, 200)
    assert again.json == first.json
    assert len(api.query(ROW)) == len(_bodies(api, QUEUE)) == 1


@pytest.mark.parametrize(
    "change", [{"params": {"n": 2}}, {"priority": "urgent"}, {"config": {"a": 1}}, {"params": {}}]
)
def test_the_same_id_with_another_body_is_a_conflict(api: Api, change: dict[str, object]):
    body = {"agent_id": AGENT, "params": {"n": 1}, "job_id": "j"}
    api.call("POST", "/v1/jobs", body=body)
    reply = api.call("POST", "/v1/jobs", body={**body, **change})
    assert (reply.status, reply.json["code"]) == (409, "job_exists")
    assert [row["params"] for row in api.query(ROW)] == [{"n": 1}]


@pytest.mark.parametrize("header", ["order 4711", '"order 4711"'])
def test_an_idempotency_key_is_the_job_id(api: Api, header: str):
    for status in (202, 200):
        reply = api.call(
            "POST", "/v1/jobs", body={"agent_id": AGENT}, headers={"Idempotency-Key": header}
        )
        assert (reply.status, reply.json["job_id"]) == (status, "order 4711")


def test_two_names_for_one_job_are_refused(api: Api):
    reply = api.call(
        "POST",
        "/v1/jobs",
        body={"agent_id": AGENT, "job_id": "a"},
        headers={"Idempotency-Key": "b"},
    )
    assert reply.status == 422


def test_fifty_at_once_over_two_processes_are_one_job(api: Api):
    # Given two processes of the API
    processes = [Api(url=api.url, database=database_of(api.url), key=api.key) for _ in range(2)]
    body = {"agent_id": AGENT, "params": {"n": 1}, "job_id": "same"}

    def many(process: Api) -> list[tuple[int, str]]:
        replies = [process.call("POST", "/v1/jobs", body=body) for _ in range(25)]
        return [(reply.status, reply.json["execution_id"]) for reply in replies]

    # When both are asked for the same job, again and again
    with ThreadPoolExecutor(2) as pool:
        answers = [answer for answers in pool.map(many, processes) for answer in answers]
    for process in processes:
        process.database.close()
    # Then one call made it, and all name the same execution
    assert sorted(status for status, _ in answers) == [200] * 49 + [202]
    assert len({execution for _, execution in answers}) == 1
    assert len(api.query(ROW)) == 1


def test_the_short_form_is_a_job_of_http_fetch(api: Api):
    body = {"url": "https://example.com", "method": "GET", "headers": {"a": "b"}, "timeout": 5}
    reply = api.call("POST", "/jobs", body={**body, "priority": "urgent"})
    assert (reply.status, reply.json["agent_id"]) == (202, "http-fetch")
    [row] = api.query(ROW)
    assert (row["params"], row["priority"]) == (body, "urgent")
    assert api.call("GET", f"/jobs/{reply.json['job_id']}").json["status"] == "pending"


@pytest.mark.parametrize(
    "change",
    [
        {"url": "file:///etc/passwd"},
        {"url": "not a url"},
        {"url": ""},
        {"url": "https://example.com/" + "a" * 8192},
        {"method": "FOO"},
        {"method": "CONNECT"},
        {"timeout": None},
        {"timeout": "abc"},
        {"headers": {"a": 1}},
    ],
    ids=lambda change: str(change)[:40],
)
def test_defect_what_no_fetch_can_be_is_422_when_it_is_asked_for(
    api: Api, change: dict[str, object]
):
    assert api.call("POST", "/jobs", body={"url": "https://example.com", **change}).status == 422
    assert api.query(ROW) == []


def test_a_queue_that_is_away_loses_nothing(api: Api):
    """FAULT 57: recorded, so 202; the relay sends what the call could not."""
    absent = Api(url=api.url, database=api.database, queues=AbsentQueues(), key=api.key)
    reply = absent.call("POST", "/v1/jobs", body={"agent_id": AGENT})
    assert reply.status == 202
    [row] = api.query(ROW)
    assert row["status"] == "pending"
    assert row["relay_after"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"params": {}},
        {"agent_id": AGENT, "priority": "now"},
        {"agent_id": AGENT, "params": []},
        {"agent_id": AGENT, "job_id": ""},
        {"agent_id": AGENT, "job_id": "x" * 257},
        {"agent_id": AGENT, "url": "https://example.com"},
        {"agent_id": AGENT, "tenant": "other"},
        {"agent_id": "No Such Form"},
        {"agent_id": AGENT, "params": {"n": "one"}},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_written(api: Api, body: dict[str, object]):
    reply = api.call("POST", "/v1/jobs", body=body)
    assert (reply.status, reply.json["status"]) == (422, 422)
    assert reply.json["detail"]
    assert api.query(ROW) == []


def test_a_refusal_quotes_nothing_of_what_was_sent(api: Api):
    canary = "canary-4711"
    reply = api.call("POST", "/v1/jobs", body={"agent_id": AGENT, "params": {"n": canary}})
    assert reply.status == 422
    assert canary not in reply.text


def test_an_agent_that_is_not_there_or_takes_no_jobs_is_said_so(api: Api):
    assert api.call("POST", "/v1/jobs", body={"agent_id": "nobody"}).status == 404
    api.query("UPDATE agent_registry SET enabled = false WHERE agent_id = %s RETURNING 1", AGENT)
    reply = api.call("POST", "/v1/jobs", body={"agent_id": AGENT})
    assert (reply.status, reply.json["code"]) == (409, "agent_disabled")
    assert api.query(ROW) == []


def test_an_agent_without_a_queue_yet_keeps_its_jobs(api: Api):
    api.query("UPDATE agent_registry SET endpoint = '{}' WHERE agent_id = %s RETURNING 1", AGENT)
    assert api.call("POST", "/v1/jobs", body={"agent_id": AGENT}).status == 202
    assert [row["status"] for row in api.query(ROW)] == ["pending"]


def test_odd_characters_are_kept_or_mended(api: Api):
    params = {"text": "é\u2028 \x1b[1m\r\n", "bad": "a\x00b"}
    assert api.call("POST", "/v1/jobs", body={"agent_id": AGENT, "params": params}).status == 202
    [row] = api.query(ROW)
    assert row["params"] == {"text": params["text"], "bad": "a\ufffdb"}
