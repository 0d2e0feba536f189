"""Sending to an SQS that refuses, throttles, loses replies and has limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from muster.aws.batch import MAX_BYTES
from muster.aws.sending import FIRST_PAUSE, ROUNDS
from muster.aws.sqs import Queues
from muster.errors import ConfigurationError, PermanentError, QueueUnavailable
from muster.ports import Outgoing, Sent
from tests.support.scripted_aws import Answer, failure, reply, scripted_client

QUEUE = "http://scripted.invalid/queue"

#: Whether and how an entry fails, by its body and the number of the call from 1; None: it is taken.
Fault = Callable[[str, int], dict[str, Any] | None]


class Server:
    """Answers SendMessageBatch, remembers every call, and fails the entries it is told to."""

    def __init__(self, fault: Fault = lambda body, call: None) -> None:
        self.calls: list[list[str]] = []
        self.entries: list[dict[str, Any]] = []
        self._fault = fault

    def __call__(self, request: dict[str, Any]) -> Any:
        self.calls.append([entry["MessageBody"] for entry in request["Entries"]])
        self.entries += request["Entries"]
        taken: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in request["Entries"]:
            fault = self._fault(entry["MessageBody"], len(self.calls))
            if fault is None:
                message_id = f"m-{entry['MessageBody'][:5]}-{len(self.calls)}"
                taken.append({"Id": entry["Id"], "MessageId": message_id})
            elif fault:
                failed.append({"Id": entry["Id"], **fault})
        return reply({"Successful": taken, "Failed": failed})


def send(answer: Answer, *entries: Outgoing | str, attempts: int = 1) -> list[Sent]:
    queues = Queues(
        client=scripted_client("sqs", answer, attempts=attempts),
        sleep=lambda seconds: None,
    )
    return queues.send_batch(
        QUEUE, [Outgoing(body=e) if isinstance(e, str) else e for e in entries]
    )


def internal_error(body: str, call: int) -> dict[str, Any]:
    return {"Code": "InternalError", "SenderFault": False}


def test_fault_49_entries_that_fail_are_sent_again_alone():
    # Given a service that fails two of twelve entries at the first call
    def fault(body: str, call: int) -> dict[str, Any] | None:
        return internal_error(body, call) if call == 1 and body in "37" else None

    server = Server(fault)
    # When the twelve are sent
    sent = send(server, *map(str, range(10)), "a", "b")
    # Then the rest is sent once, the two alone afterwards, and all are told to be stored
    assert server.calls == [[str(n) for n in range(10)], ["a", "b"], ["3", "7"]]
    assert [s.message_id for s in sent[2:5]] == ["m-2-1", "m-3-3", "m-4-1"]


def test_an_entry_that_keeps_failing_is_unknown_and_the_pauses_grow():
    # Given a service that always fails one entry, and jitter that makes the longest pauses
    server = Server(lambda body, call: internal_error(body, call) if body == "bad" else None)
    pauses: list[float] = []
    queues = Queues(client=scripted_client("sqs", server), sleep=pauses.append, jitter=lambda: 1.0)
    # When it is sent with a neighbour
    good, bad = queues.send_batch(QUEUE, [Outgoing(body="good"), Outgoing(body="bad")])
    # Then it is tried a bounded number of times, the neighbour once
    assert server.calls == [["good", "bad"]] + [["bad"]] * (ROUNDS - 1)
    assert pauses == [FIRST_PAUSE * 2**n for n in range(ROUNDS - 1)]
    assert good.ok
    assert isinstance(bad.error, QueueUnavailable)


def test_an_entry_that_is_throttled_is_tried_again_though_sqs_blames_the_sender():
    throttled = {"Code": "RequestThrottled", "SenderFault": True}
    server = Server(lambda body, call: throttled if call == 1 else None)
    assert send(server, "a")[0].ok


def test_an_entry_that_sqs_refuses_is_not_tried_again():
    refused = {"Code": "InvalidMessageContents", "SenderFault": True}
    server = Server(lambda body, call: refused if body == "bad" else None)
    good, bad = send(server, "good", "bad")
    assert server.calls == [["good", "bad"]]
    assert good.ok
    assert isinstance(bad.error, PermanentError)


def test_an_entry_that_the_reply_does_not_mention_is_sent_again():
    server = Server(lambda body, call: {} if call == 1 else None)
    assert send(server, "a")[0].ok
    assert server.calls == [["a"], ["a"]]


def test_a_lost_reply_leaves_two_messages_and_one_result():
    # Given a service that stores every call, and a network that loses the first reply
    stored: list[str] = []

    def answer(request: dict[str, Any]) -> Any:
        stored.append(f"m-{len(stored) + 1}")
        if len(stored) == 1:
            raise ReadTimeoutError(endpoint_url=QUEUE)
        return reply({"Successful": [{"Id": "0", "MessageId": stored[-1]}], "Failed": []})

    # When one message is sent by a client that tries again
    [sent] = send(answer, '{"muster":1,"job_id":"j"}', attempts=2)
    # Then the queue holds it twice, and that is why a body has to name its job
    assert stored == ["m-1", "m-2"]
    assert sent == Sent(message_id="m-2")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda _: failure("ServiceUnavailable", status=503), QueueUnavailable),
        (lambda _: failure("RequestThrottled"), QueueUnavailable),
        (lambda _: failure("AccessDenied", status=403), ConfigurationError),
        (lambda _: failure("AWS.SimpleQueueService.NonExistentQueue"), ConfigurationError),
        (lambda _: failure("ExpiredToken", status=403), ConfigurationError),
    ],
)
def test_after_a_failed_call_nothing_more_is_tried(answer: Answer, error: type[Exception]):
    # Given 25 entries, and a service that answers the first ten and fails from then on
    server = Server()
    calls: list[int] = []

    def first_only(request: dict[str, Any]) -> Any:
        calls.append(len(request["Entries"]))
        return server(request) if len(calls) == 1 else answer(request)

    # When they are sent
    sent = send(first_only, *map(str, range(25)))
    # Then what was stored stays told, and no call follows the failed one
    assert calls == [10, 10]
    assert all(s.ok for s in sent[:10])
    assert all(type(s.error) is error for s in sent[10:])


def test_a_call_holds_ten_entries_and_one_mebibyte():
    # Given five messages of 400 KiB, so that two fit a call
    server = Server()
    bodies = [str(n) + "x" * (400 * 1024) for n in range(5)]
    # When they are sent
    assert all(sent.ok for sent in send(server, *bodies))
    # Then no call is over the limit, and the order is kept
    assert [[body[0] for body in call] for call in server.calls] == [["0", "1"], ["2", "3"], ["4"]]


def test_what_sqs_would_refuse_is_refused_without_its_neighbours():
    # Given the largest body, one that is larger by its attribute, an empty one and one with a NUL
    server = Server()
    largest = "x" * MAX_BYTES
    sent = send(
        server,
        largest,
        Outgoing(body=largest, attributes={"a": "b"}),
        "",
        "nul \0",
        "surrogate \ud800",
        "fine",
    )
    # Then only those are refused, with a reason, before anything is sent
    codes = [s.error.code if s.error else None for s in sent]
    refused = "message_refused"
    assert codes == [None, "message_too_large", refused, refused, refused, None]
    assert server.calls == [[largest], ["fine"]]


def test_attributes_are_mended_and_delays_are_whole_seconds():
    server = Server()
    entry = Outgoing(
        body="b", attributes={"reason": "a\0b\x1b[31m", "none": ""}, delay=timedelta(seconds=2.9)
    )
    assert send(server, entry)[0].ok
    [wire] = server.entries
    assert wire["DelaySeconds"] == 2
    assert wire["MessageAttributes"] == {
        "reason": {"DataType": "String", "StringValue": "a\ufffdb\ufffd[31m"}
    }
