"""Webhooks under pressure: what is too large, what is away, who calls too often, and races."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import pytest

from muster.api.request import MOST_BODY_BYTES
from muster.errors import QueueUnavailable
from muster.hooks.secret import HookSecret
from muster.ports import Outgoing, SecretsUnavailable, Sent
from muster.store.call_rate import Rate
from tests.support.api_calls import AGENT, Api
from tests.support.clerk import database_of
from tests.support.hooks import NewSender, executions
from tests.support.queues import MemoryQueues
from tests.support.racers import Racers, rounds
from tests.support.secrets import MemorySecrets

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class AbsentSecrets(MemorySecrets):
    """Secrets Manager is away."""

    def text(self, name: str) -> str:
        raise SecretsUnavailable


class AbsentQueues(MemoryQueues):
    """SQS is away."""

    def send_batch(self, queue_url: str, entries: list[Outgoing]) -> list[Sent]:  # type: ignore[override]  # narrower
        return [Sent(error=QueueUnavailable()) for _ in entries]


def _bomb() -> bytes:
    """Small, and 50 MB when it is opened; made when it is used, not by all who collect."""
    return gzip.compress(b"0" * 50_000_000)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 10 * 1024 * 1024, {}, 413),
        (b"x" * (MOST_BODY_BYTES + 1), {}, 413),
        (b"{}", {"content-length": str(10 * 1024 * 1024)}, 413),
        (_bomb, {"content-encoding": "gzip"}, 415),
        (b"{}", {"content-encoding": "br"}, 415),
        (b"{}", {"content-type": "application/octet-stream"}, 415),
        (b"<a/>", {"content-type": "text/xml"}, 415),
        (b"{}", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b"{}", {"content-type": ""}, 415),
    ],
    ids=["10MB", "large", "announced", "bomb", "brotli", "bytes", "xml", "multipart", "none"],
)
def test_fault_56_what_is_too_large_or_of_another_kind_is_refused_before_any_work(
    api: Api, body: bytes | Callable[[], bytes], headers: dict[str, str], status: int
):
    # Given an API whose database and secrets are away: any work would be told as that
    gone = Api(url=api.url, database=database_of(NOWHERE), secrets=AbsentSecrets())
    # Then the call is refused for what it is
    raw = body() if callable(body) else body
    reply = gone.call("POST", f"/hooks/{AGENT}/chat", raw=raw, headers=headers, key="")
    assert reply.status == status


def test_fault_56_the_largest_body_is_taken(api: Api, new_sender: NewSender):
    body = b'"' + b"x" * (MOST_BODY_BYTES - 2) + b'"'
    assert new_sender("hmac").post(body).status == 202
    # And its params stay in the row
    assert isinstance(api.queues, MemoryQueues)
    [message] = next(iter(filter(None, api.queues.stored.values())))
    assert "params" not in json.loads(message.body)


def test_fault_57_a_queue_that_is_away_after_the_signature_was_checked_loses_nothing(
    api: Api, new_sender: NewSender
):
    sender = new_sender()
    absent = Api(url=api.url, database=api.database, queues=AbsentQueues(), secrets=api.secrets)
    # When the queue is away / Then the delivery is recorded, so 202, and the relay sends it
    assert sender.post(api=absent).status == 202
    [row] = executions(api)
    assert (row["status"], row["fence"]) == ("pending", 0)
    assert row["relay_after"] is not None
    # And its sender's next try is the same execution
    assert sender.post().json["execution_id"] == row["execution_id"]


def test_fault_57_without_database_or_secrets_it_is_503_and_nothing_is_recorded(
    api: Api, new_sender: NewSender
):
    sender = new_sender()
    options = {"call_seconds": 0.5, "retry_seconds": 0.2}
    for gone in (
        Api(url=api.url, database=database_of(NOWHERE, **options), secrets=api.secrets),
        Api(url=api.url, database=api.database, secrets=AbsentSecrets()),
    ):
        reply = sender.post(api=gone)
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    assert executions(api) == []
    # And when both are back, the sender's next try is taken
    assert sender.post().status == 202


@pytest.mark.parametrize("kept", [None, HookSecret(current="no base64!")], ids=["none", "unfit"])
def test_a_webhook_without_a_usable_secret_lets_nobody_in(
    api: Api, new_sender: NewSender, kept: HookSecret | None
):
    sender = new_sender()
    assert isinstance(api.secrets, MemorySecrets)
    api.secrets.stored.clear()
    if kept is not None:
        sender.keep(kept)
    reply = sender.post()
    assert (reply.status, reply.json["code"]) == (503, "webhook_not_ready")
    assert executions(api) == []


def test_fault_58_a_thousand_deliveries_at_one_webhook_are_bounded_and_others_unaffected(
    api: Api, new_sender: NewSender
):
    # Given two processes whose webhooks take twenty deliveries at once, and then one in hours
    rate = Rate(per_second=0.0001, burst=20)
    flooded, other = new_sender(), new_sender(name="other")
    processes = [
        Api(url=api.url, database=database_of(api.url), secrets=api.secrets, hook_rate=rate)
        for _ in range(2)
    ]

    def flood(process: Api) -> list[Any]:
        return [flooded.post(delivery=f"{id(process)}-{n}", api=process) for n in range(500)]

    # When one webhook gets a thousand from both
    with ThreadPoolExecutor(2) as pool:
        replies = [reply for part in pool.map(flood, processes) for reply in part]
    # Then twenty are taken, and all others are told when to come back
    refused = [reply for reply in replies if reply.status == 429]
    assert Counter(reply.status for reply in replies) == {429: 980, 202: 20}
    assert len(executions(api)) == 20
    assert all(1 <= int(reply.headers["Retry-After"]) <= 10_000 for reply in refused)
    # And the other webhook takes its own
    assert [other.post(delivery=f"{n}", api=processes[0]).status for n in range(20)] == [202] * 20
    for process in processes:
        process.database.close()


def test_fault_58_strangers_cannot_use_up_what_a_sender_may(api: Api, new_sender: NewSender):
    sender = new_sender()
    limited = Api(
        url=api.url,
        database=api.database,
        secrets=api.secrets,
        hook_rate=Rate(per_second=0.0001, burst=2),
    )
    body = sender.body("msg_1")
    forged = sender.signed(body, secret="whsec_" + "A" * 44)
    assert {sender.send(body, forged, api=limited).status for _ in range(100)} == {401}
    assert sender.post(api=limited).status == 202


def _post_rounds(url: str, _number: int, barrier: Any, end: Connection) -> None:
    """A process of the API that is given deliveries: name, body, headers and the secret."""
    database = database_of(url)
    secrets = MemorySecrets()
    process = Api(url=url, database=database, secrets=secrets)
    for path, body, headers, stored in rounds(barrier, end):
        secrets.stored.update(stored)
        reply = process.call("POST", path, raw=body, headers=headers, key="")
        end.send((reply.status, reply.json["execution_id"]))
    database.close()


def test_fault_53_two_processes_that_get_the_same_delivery_at_once_make_one_execution(
    api: Api, new_sender: NewSender
):
    sender = new_sender()
    assert isinstance(api.secrets, MemorySecrets)
    with Racers(api.url, count=2, life=_post_rounds) as racers:
        for number in range(25):
            # When two processes are given the same delivery at the same moment
            delivery = f"msg_{number}"
            body = sender.body(delivery)
            signed = sender.signed(body, delivery=delivery)
            part = (sender.path, body, signed, api.secrets.stored)
            answers = racers.race([part, part])
            # Then one has made the execution, and both name it
            assert sorted(status for status, _ in answers) == [200, 202]
            assert len({execution for _, execution in answers}) == 1
    assert len(executions(api)) == 25
