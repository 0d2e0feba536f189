"""`POST /hooks/{agent}/{name}` on a real database: what a delivery becomes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from muster.message.body import MAX_DEPTH
from muster.model import Message
from muster.normalise import normalise
from tests.support.api_calls import AGENT, QUEUE, URGENT, Api
from tests.support.hooks import SCHEMES, NewSender, executions
from tests.support.queues import MemoryQueues


def _messages(api: Api, queue_url: str) -> list[dict[str, Any]]:
    assert isinstance(api.queues, MemoryQueues)
    return [json.loads(message.body) for message in api.queues.stored.get(queue_url, [])]


@pytest.mark.parametrize("verify", SCHEMES)
def test_a_signed_delivery_is_one_execution_and_is_answered_with_its_id(
    api: Api, new_sender: NewSender, verify: str
):
    # Given a webhook / When its sender posts a delivery
    sender = new_sender(verify)
    body = sender.body("msg_1", text="grüße")
    reply = sender.post(body)
    # Then it is recorded as a job of the agent, of the source webhook
    assert reply.status == 202
    [row] = executions(api)
    assert (row["execution_id"], row["source"]) == (reply.json["execution_id"], "webhook")
    assert (row["agent_id"], row["agent_version"], row["webhook"]) == (AGENT, "1.2.0", "chat")
    assert (row["status"], row["tenant"], row["max_attempts"]) == ("pending", "default", 3)
    # And its params are the headers, the body and the delivery
    assert set(row["params"]) == {"headers", "body", "delivery"}
    assert row["params"]["body"] == json.loads(body)
    assert row["params"]["delivery"] == reply.json["delivery"]
    assert row["params"]["headers"]["content-type"] == "application/json"
    # And it is on its way, and waits for the relay should that get lost
    [message] = _messages(api, QUEUE)
    assert (message["job_id"], message["source"]) == (row["job_id"], "webhook")
    assert row["relay_after"] - row["created_at"] == timedelta(seconds=90)


def test_the_body_is_told_as_what_it_is(api: Api, new_sender: NewSender):
    """FAULT 22: what is no JSON, no UTF-8, or cannot be stored is data all the same."""
    sender = new_sender("hmac")
    cases: list[tuple[bytes, str, dict[str, Any]]] = [
        (b"[1, 2]", "application/json", {"body": [1, 2]}),
        (b"null", "application/problem+json", {"body": None}),
        (b"\xef\xbb\xbf{}", "Application/JSON; charset=utf-8", {"body": {}}),
        (b"a=b&c=%20", "application/x-www-form-urlencoded", {"body": "a=b&c=%20"}),
        (b"a\x00b\r\n\x1b[31m", "text/plain", {"body": "a\ufffdb\r\n\x1b[31m"}),
        (b'"\\u0000\\ud800"', "application/json", {"body": "\ufffd\ufffd"}),
        (b"\xff\xfe", "text/plain", {"body": "//4=", "encoding": "base64"}),
    ]
    for body, kind, expected in cases:
        reply = sender.post(body, headers={"content-type": kind})
        assert reply.status == 202, (body, reply)
        [row] = api.query(
            "SELECT params FROM agent_job_execution WHERE execution_id = %s",
            reply.json["execution_id"],
        )
        told = {key: row["params"][key] for key in row["params"] if key in ("body", "encoding")}
        assert told == expected


def test_a_job_is_told_of_the_headers_that_its_scheme_and_manifest_name_and_of_no_proof(
    api: Api, new_sender: NewSender
):
    sender = new_sender("github", headers=["x-tenant"])
    sender.post(
        headers={
            "x-tenant": "acme",
            "user-agent": "GitHub-Hookshot/1",
            "x-forwarded-for": "192.0.2.1",
            "cookie": "a=b",
        }
    )
    [row] = executions(api)
    assert row["params"]["headers"] == {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/1",
        "x-github-delivery": "msg_1",
        "x-github-event": "ping",
        "x-tenant": "acme",
    }


def test_a_priority_takes_its_lane_and_a_tenant_its_rows(api: Api, new_sender: NewSender):
    sender = new_sender(priority="urgent", tenant="acme")
    execution = sender.post().json["execution_id"]
    assert len(_messages(api, URGENT)) == 1
    [row] = executions(api)
    assert (row["priority"], row["tenant"]) == ("urgent", "acme")
    # And another tenant's key does not see it
    assert api.call("GET", f"/v1/jobs/{execution}").status == 404


def test_deliveries_of_two_webhooks_do_not_meet(api: Api, new_sender: NewSender):
    assert [new_sender(name=name).post().status for name in ("one", "two")] == [202, 202]
    assert len({row["job_id"] for row in executions(api)}) == 2


def test_a_long_id_is_a_job_too_and_again_the_same_one(api: Api, new_sender: NewSender):
    sender = new_sender()
    replies = [sender.post(delivery="x" * 256) for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 200]
    other = sender.post(delivery="x" * 255 + "y")
    assert other.status == 202
    assert all(len(row["job_id"]) <= 256 for row in executions(api))


def test_slack_is_answered_when_it_asks_whose_address_this_is(api: Api, new_sender: NewSender):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
    assert new_sender("slack").post(body).json == {"challenge": "3eZbrw1aB"}
    assert executions(api) == []
    # And nobody who is not Slack, and no other scheme, is
    assert new_sender("slack", "other").send(body, {}).status == 401
    assert "challenge" not in new_sender("hmac", "plain").post(body).json


def test_what_does_not_fit_the_agent_s_schema_is_refused(api: Api, new_sender: NewSender):
    schema = {"type": "object", "properties": {"body": {"type": "object"}}}
    api.query(
        "UPDATE agent_registry SET input_schema = %s WHERE agent_id = %s", json.dumps(schema), AGENT
    )
    sender = new_sender("hmac")
    refused = sender.post(b'"canary-4711"')
    assert (refused.status, refused.json["code"]) == (422, "invalid_params")
    assert "canary" not in refused.text
    assert sender.post(b"{}").status == 202


@pytest.mark.parametrize("body", [b"{", b"\xff", b"NaN", b"[" * 127 + b"]" * 127])
def test_a_body_that_is_no_json_and_says_so_is_400_once_its_sender_is_known(
    api: Api, new_sender: NewSender, body: bytes
):
    sender = new_sender("hmac")
    assert sender.send(body, {"x-signature": "0" * 64}).status == 401
    assert sender.post(body).status == 400
    assert executions(api) == []


def test_the_deepest_body_that_is_taken_is_understood_by_the_worker(
    api: Api, new_sender: NewSender
):
    deepest = MAX_DEPTH - 2
    assert new_sender("hmac").post(b"[" * deepest + b"]" * deepest).status == 202
    [message] = _messages(api, QUEUE)
    understood = normalise(
        Message(message_id="m", receipt_handle="r", body=json.dumps(message)), agent_id=AGENT
    )
    assert [job.job_id for job in understood] == [message["job_id"]]


def test_a_disabled_agent_s_sender_is_asked_to_come_back(api: Api, new_sender: NewSender):
    sender = new_sender()
    api.query("UPDATE agent_registry SET enabled = false WHERE agent_id = %s", AGENT)
    reply = sender.post()
    assert (reply.status, reply.json["code"]) == (503, "agent_disabled")
    assert int(reply.headers["Retry-After"]) > 0
    assert executions(api) == []
    api.query("UPDATE agent_registry SET enabled = true WHERE agent_id = %s", AGENT)
    assert sender.post().status == 202
