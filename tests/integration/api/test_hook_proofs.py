"""`POST /hooks/{agent}/{name}` on a real database: who is let in, how often, and for how long."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from muster.hooks.schemes import scheme
from muster.hooks.secret import HookSecret
from tests.support.api_calls import AGENT, QUEUE, Api
from tests.support.hooks import SCHEMES, NewSender, executions
from tests.support.queues import MemoryQueues


@pytest.mark.parametrize("verify", SCHEMES)
def test_fault_53_the_same_delivery_again_is_the_same_execution(
    api: Api, new_sender: NewSender, verify: str
):
    sender = new_sender(verify)
    first = sender.post()
    again = [sender.post(ago=timedelta(seconds=n)) for n in range(3)]
    assert first.status == 202
    assert [reply.status for reply in again] == [200] * 3
    assert {reply.text for reply in again} == {first.text}
    assert len(executions(api)) == 1
    assert isinstance(api.queues, MemoryQueues)
    assert len(api.queues.stored[QUEUE]) == 1


@pytest.mark.parametrize("verify", ["standard-webhooks", "stripe", "slack"])
def test_fault_53_another_body_under_the_same_id_is_a_conflict(
    api: Api, new_sender: NewSender, verify: str
):
    sender = new_sender(verify)
    sender.post(sender.body("msg_1", n=1))
    reply = sender.post(sender.body("msg_1", n=2))
    assert (reply.status, reply.json["code"]) == (409, "delivery_exists")
    assert [row["params"]["body"]["n"] for row in executions(api)] == [1]


def test_fault_53_a_recorded_delivery_under_another_unsigned_id_is_no_second_execution(
    api: Api, new_sender: NewSender
):
    # Given a scheme that does not sign the delivery's id
    sender = new_sender("github")
    first = sender.post(b'{"action": "opened"}', delivery="guid-1")
    # When somebody who recorded a delivery posts it under another id
    replay = sender.post(b'{"action": "opened"}', headers={"x-github-delivery": "guid-2"})
    # Then it is the same execution
    assert (first.status, replay.status) == (202, 200)
    assert replay.json == first.json
    assert len(executions(api)) == 1


@pytest.mark.parametrize("verify", ["standard-webhooks", "stripe", "slack"])
def test_fault_53_a_replay_outside_the_window_is_refused(
    api: Api, new_sender: NewSender, verify: str
):
    sender = new_sender(verify)
    for ago in (timedelta(minutes=5, seconds=1), -timedelta(minutes=15)):
        assert sender.post(ago=ago).status == 401
    assert executions(api) == []


@pytest.mark.parametrize("verify", SCHEMES)
def test_fault_53_a_body_that_is_not_the_signed_one_is_refused(
    api: Api, new_sender: NewSender, verify: str
):
    sender = new_sender(verify)
    body = sender.body("msg_1", n=1)
    headers = sender.signed(body)
    for changed in (body + b"\n", body.replace(b": ", b":"), body.replace(b"1}", b"2}"), b""):
        assert sender.send(changed, headers).status == 401
    assert executions(api) == []


@pytest.mark.parametrize("verify", SCHEMES)
def test_fault_54_odd_headers_are_401_and_never_500(api: Api, new_sender: NewSender, verify: str):
    sender = new_sender(verify)
    body = sender.body("msg_1")
    signed = sender.signed(body)
    proof = [name for name in signed if not name.startswith(("x-github-event", "x-github-del"))]
    odd = ["", "\x00", "é", "\ud800", "v0,abc", "x" * 9000, "a,b", " ", f"{'v1,AA ' * 50}"]
    for name in proof:
        without = {key: value for key, value in signed.items() if key != name}
        # As API Gateway joins a header that is sent twice
        twice = {**signed, name: f"{signed[name]},{signed[name]}"}
        for headers in (without, twice, *({**signed, name: value} for value in odd)):
            reply = sender.send(body, headers)
            assert (reply.status, reply.json["code"]) == (401, "unauthorized"), (name, headers)
    assert executions(api) == []
    # And names of headers mean the same in any case
    assert sender.send(body, {name.title(): value for name, value in signed.items()}).status == 202


def test_fault_54_one_good_signature_among_bad_ones_is_enough(api: Api, new_sender: NewSender):
    sender = new_sender()
    body = sender.body("msg_1")
    good = sender.signed(body)
    bad = sender.signed(body, secret="whsec_" + "A" * 44)["webhook-signature"]
    only_bad = {**good, "webhook-signature": " ".join([bad] * 50)}
    assert sender.send(body, only_bad).status == 401
    mixed = {**good, "webhook-signature": " ".join([bad] * 49 + [good["webhook-signature"]])}
    assert sender.send(body, mixed).status == 202


def test_every_refusal_looks_the_same_whether_or_not_there_is_such_a_webhook(
    api: Api, new_sender: NewSender
):
    sender = new_sender()
    new_sender("github", "retired", retired_at="2026-01-01")
    body = sender.body("msg_1")
    told = {
        sender.send(body, {}).text,
        sender.post(secret="whsec_" + "A" * 44).text,
        *(
            api.call("POST", path, raw=body, headers=sender.signed(body), key=api.key).text
            for path in (
                f"/hooks/{AGENT}/nothing",
                f"/hooks/{AGENT}/retired",
                "/hooks/nobody/chat",
                "/hooks/No-Agent/chat",
            )
        ),
    }
    assert len(told) == 1
    assert executions(api) == []


def test_an_api_key_opens_no_webhook(api: Api, new_sender: NewSender):
    new_sender()
    assert api.call("POST", f"/hooks/{AGENT}/chat", body={}, key=api.key).status == 401


@pytest.mark.parametrize("verify", SCHEMES)
def test_fault_55_old_and_new_secret_hold_in_the_overlap_and_only_the_new_one_afterwards(
    api: Api, new_sender: NewSender, verify: str
):
    # Given a webhook that has taken a delivery
    sender = new_sender(verify)
    assert sender.post(delivery="before").status == 202
    old, new = sender.secret, scheme(verify).new_secret()
    # When its secret is rotated with an overlap
    now = datetime.now(UTC)
    overlap = timedelta(minutes=10)
    sender.keep(HookSecret(current=old).replaced(new, now=now, overlap=overlap))
    # Then deliveries with either are taken
    assert sender.post(delivery="old", secret=old).status == 202
    # The new one at the latest when this process may look again; another process does at once
    fresh = Api(url=api.url, database=api.database, secrets=api.secrets)
    assert sender.post(delivery="new", secret=new, api=fresh).status == 202
    # And when the overlap is over, only with the new one
    sender.keep(HookSecret(current=old).replaced(new, now=now - overlap, overlap=overlap))
    later = Api(url=api.url, database=api.database, secrets=api.secrets)
    assert sender.post(delivery="late", secret=old, api=later).status == 401
    assert sender.post(delivery="late", secret=new, api=later).status == 202


def test_no_secret_and_no_signature_is_in_logs_rows_or_answers(
    api: Api, new_sender: NewSender, caplog: pytest.LogCaptureFixture
):
    """Canaries: the secrets of every scheme, the signatures made with them, and bodies."""
    caplog.set_level(logging.DEBUG)
    canaries = ["canary-in-a-body"]
    answers: list[str] = []
    for verify in SCHEMES:
        sender = new_sender(verify, verify.replace("standard-webhooks", "standard"))
        body = sender.body("msg_1", text="canary-in-a-body")
        signed = sender.signed(body)
        canaries += [sender.secret, *(v for k, v in signed.items() if "signature" in k)]
        answers += [
            sender.send(body, signed).text,
            sender.send(body, signed).text,
            sender.send(body + b" ", signed).text,
        ]
    # Given also one whose secret nobody can use
    broken = new_sender("standard-webhooks", "broken")
    broken.keep(HookSecret(current="canary!unusable"))
    canaries.append("canary!unusable")
    answers.append(broken.post().text)
    tables = ("webhook_endpoint", "job_key", "agent_job_execution", "execution_event", "call_rate")
    rows = [api.query(f"SELECT to_jsonb(t) - 'params' AS t FROM {table} t") for table in tables]
    params = api.query("SELECT params FROM agent_job_execution")
    told = caplog.text + json.dumps([answers, rows], default=str)
    assert [canary for canary in canaries if canary in told] == []
    assert [canary for canary in canaries[1:] if canary in json.dumps(params)] == []
