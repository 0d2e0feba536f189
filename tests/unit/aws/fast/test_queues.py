"""The port on the fast transport: what a batch call refuses in part, and what many threads do at once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from muster.aws.client import TOTAL_ATTEMPTS
from muster.aws.sqs import Queues
from muster.errors import ConfigurationError, QueueUnavailable
from muster.ports import HandleOutcome, Outgoing, Visibility
from tests.support.fast_transport import Transport
from tests.support.stubbed_sqs import Answer, lost, ok, refusal

STALE = {"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}
BROKEN = {"Id": "2", "Code": "InternalError", "SenderFault": False}


def test_a_batch_that_fails_in_part_has_an_outcome_for_each(transport: Transport):
    # Given a service that takes one handle of four, refuses one, fails one and forgets one
    queues = Queues(client=transport.client)
    answer = ok({"Successful": [{"Id": "0"}], "Failed": [STALE, BROKEN]})
    transport.server.answer(answer, answer)
    # When they are deleted, and when they are extended
    deleted = queues.delete_batch("q", ["a", "b", "c", "d"])
    wishes = [Visibility(receipt_handle=handle, after=timedelta(seconds=1)) for handle in "abcd"]
    changed = queues.change_visibility_batch("q", wishes)
    # Then each has what was said of it
    assert deleted == changed
    assert deleted == [
        HandleOutcome.ACCEPTED,
        HandleOutcome.STALE,
        HandleOutcome.UNKNOWN,
        HandleOutcome.UNKNOWN,
    ]


def test_each_handle_has_the_outcome_of_its_own_batch(transport: Transport):
    # Given 125 handles, hence 13 calls, and a service that refuses those whose handle is odd
    queues = Queues(client=transport.client)
    transport.server.answer(*[_odd_is_stale(transport)] * 13)
    # When they are deleted
    outcomes = queues.delete_batch("q", [str(n) for n in range(125)])
    # Then each has its own
    assert outcomes == [(HandleOutcome.ACCEPTED, HandleOutcome.STALE)[n % 2] for n in range(125)]
    # And no more calls were under way at once than a port tells
    connections = {request.connection for request in transport.server.requests}
    assert 1 < len(connections) <= queues.at_once


def test_a_lost_reply_to_one_of_several_calls_leaves_the_others_their_outcomes(
    transport: Transport,
):
    # Given twenty handles, hence two calls at once, and a service that fails at one of them again and again
    queues = Queues(client=transport.client)
    taken = ok({"Successful": [{"Id": str(n)} for n in range(10)]})
    fails = refusal("ServiceUnavailable", status=503)
    transport.server.answer(fails, taken, *[fails] * TOTAL_ATTEMPTS)
    outcomes = queues.delete_batch("q", [str(n) for n in range(20)])
    # Then nothing is raised, and of the other one every outcome is known
    halves = {tuple(outcomes[:10]), tuple(outcomes[10:])}
    assert halves == {(HandleOutcome.UNKNOWN,) * 10, (HandleOutcome.ACCEPTED,) * 10}


def test_messages_of_one_receive_are_not_lost_with_another(transport: Transport):
    # Given a service that gives a message to one of three receives, and refuses the others
    queues = Queues(client=transport.client)
    message = {"MessageId": "m", "ReceiptHandle": "h", "Body": "{}"}
    gives = ok({"Messages": [message]})
    transport.server.answer(refusal("AccessDenied"), gives, refusal("AccessDenied"))
    # When thirty are asked for, they are what came
    received = queues.receive("q", max_messages=30, wait=timedelta(0))
    assert [m.message_id for m in received] == ["m"]
    # And a refusal of all is told
    transport.server.answer(*[refusal("AccessDenied")] * 3)
    with pytest.raises(ConfigurationError, match="forbidden"):
        queues.receive("q", max_messages=30, wait=timedelta(0))


def _odd_is_stale(transport: Transport) -> Answer:
    def answer(connection: Any) -> bool:
        # Each connection has one request under way: its last.
        mine = [r for r in transport.server.requests if r.peer == connection.getpeername()]
        entries = mine[-1].body["Entries"]
        stale = [e["Id"] for e in entries if int(e["ReceiptHandle"]) % 2]
        reply = {
            "Successful": [{"Id": e["Id"]} for e in entries if e["Id"] not in stale],
            "Failed": [{**STALE, "Id": own} for own in stale],
        }
        return ok(reply)(connection)

    return answer


def test_entries_that_fail_are_sent_again_alone(transport: Transport):
    queues = Queues(client=transport.client, sleep=transport.pauses.append)
    transport.server.answer(
        ok(
            {
                "Successful": [{"Id": "0", "MessageId": "m0"}, {"Id": "1", "MessageId": "m1"}],
                "Failed": [BROKEN],
            }
        ),
        ok({"Successful": [{"Id": "0", "MessageId": "m2"}]}),
    )
    sent = queues.send_batch("q", [Outgoing(body=body) for body in ("a", "b", "c")])
    assert [result.message_id for result in sent] == ["m0", "m1", "m2"]
    again = transport.server.requests[1].body["Entries"]
    assert [entry["MessageBody"] for entry in again] == ["c"]


def test_a_send_is_signed_when_it_is_prepared_and_leaves_when_it_is_called(transport: Transport):
    queues = Queues(client=transport.client)
    transport.server.answer(ok({"Successful": [{"Id": "0", "MessageId": "m"}]}))
    # Given a send that was prepared at noon
    ready = queues.prepare("q", [Outgoing(body="{}")])
    assert transport.server.requests == []
    # When it is called a second later
    transport.local += 1
    [sent] = ready.send()
    # Then that is what leaves
    [request] = transport.server.requests
    assert (sent.message_id, request.headers["x-amz-date"]) == ("m", "20261121T120000Z")
    # And one that has to be repeated is signed anew
    transport.server.answer(lost, ok({"Successful": [{"Id": "0", "MessageId": "m"}]}))
    [sent] = queues.prepare("q", [Outgoing(body="{}")]).send()
    stamps = [request.headers["x-amz-date"] for request in transport.server.requests[1:]]
    assert (sent.message_id, len(stamps)) == ("m", 2)


def test_what_is_posted_leaves_before_it_is_answered(transport: Transport):
    # Given a service that has answered just now, and one that will answer when it is told to
    queues = Queues(client=transport.client)
    answered = threading.Event()

    def late(connection: Any) -> bool:
        assert answered.wait(60)
        return ok({"Successful": [{"Id": "0", "MessageId": "m1"}]})(connection)

    transport.server.answer(ok({"Successful": [{"Id": "0", "MessageId": "m0"}]}), late)
    first = queues.prepare("q", [Outgoing(body="a")])
    # When nobody was asked before, nothing is posted; later it is
    assert first.post() is None
    assert [sent.message_id for sent in first.send()] == ["m0"]
    hear = queues.prepare("q", [Outgoing(body="b")]).post()
    assert hear is not None
    # Then it has left before there is an answer, over the same connection, and the answer is told of later
    for _ in range(2):
        assert transport.server.asked.acquire(timeout=60)
    answered.set()
    assert [sent.message_id for sent in hear()] == ["m1"]
    assert [request.connection for request in transport.server.requests] == [1, 1]


@pytest.mark.parametrize("answer", [lost, refusal("ServiceUnavailable", status=503)])
def test_what_is_posted_in_vain_is_sent_again_when_that_is_heard(
    transport: Transport, answer: Answer
):
    queues = Queues(client=transport.client)
    taken = ok({"Successful": [{"Id": "0", "MessageId": "m"}]})
    transport.server.answer(taken, answer, taken)
    queues.send_batch("q", [Outgoing(body="a")])
    hear = queues.prepare("q", [Outgoing(body="b")]).post()
    assert hear is not None
    assert [sent.message_id for sent in hear()] == ["m"]
    bodies = [r.body["Entries"][0]["MessageBody"] for r in transport.server.requests]
    assert bodies == ["a", "b", "b"]


def test_several_calls_are_not_posted(transport: Transport):
    queues = Queues(client=transport.client)
    transport.server.answer(ok({"Successful": [{"Id": "0", "MessageId": "m"}]}))
    queues.send_batch("q", [Outgoing(body="a")])
    ready = queues.prepare("q", [Outgoing(body=str(n)) for n in range(11)])
    assert ready.post() is None
    assert len(transport.server.requests) == 1


def test_who_has_no_credentials_is_told_when_the_send_is_called(transport: Transport):
    transport.found.clear()
    ready = Queues(client=transport.client).prepare("q", [Outgoing(body="{}")])
    assert ready.post() is None
    [sent] = ready.send()
    assert isinstance(sent.error, ConfigurationError)
    assert transport.server.requests == []


def test_a_lost_reply_is_unknown_and_a_send_is_repeated(transport: Transport):
    # Given replies that are lost, although the service may have done what it was asked
    queues = Queues(client=transport.client)
    transport.server.answer(*[lost] * 6)
    # Then the outcome of a delete is unknown, and so is that of a send
    assert queues.delete_batch("q", ["a"]) == [HandleOutcome.UNKNOWN]
    [sent] = queues.send_batch("q", [Outgoing(body="{}")])
    assert isinstance(sent.error, QueueUnavailable)
    # And a reply lost once shows only as a second copy
    transport.server.answer(lost, ok({"Successful": [{"Id": "0", "MessageId": "m"}]}))
    [sent] = queues.send_batch("q", [Outgoing(body="{}")])
    assert sent.message_id == "m"
    bodies = [request.body for request in transport.server.requests[-2:]]
    assert bodies[0] == bodies[1]


def test_many_threads_each_get_the_answer_to_what_they_asked(transport: Transport):
    # Given a server that answers each call with its own question, and fails some
    queues = Queues(client=transport.client)
    count = 40

    class Echo:
        def __len__(self) -> int:
            return 1

        def popleft(self) -> Any:
            with lock:
                number[0] += 1
                fails = number[0] % 5 == 0
            return refusal("ServiceUnavailable", status=503) if fails else echo

    def echo(connection: Any) -> bool:
        # The request just read by this thread is the last one of its connection.
        mine = connection.getpeername()
        request = next(r for r in reversed(transport.server.requests) if r.peer == mine)
        entry = request.body["Entries"][0]
        sent = [{"Id": "0", "MessageId": entry["MessageBody"]}]
        return ok({"Successful": sent})(connection)

    lock = threading.Lock()
    number = [0]
    script: Any = Echo()
    transport.server.script = script
    wrong: list[tuple[str, Any]] = []

    def work(worker: int) -> None:
        for turn in range(count):
            body = f"{worker}-{turn}"
            [sent] = queues.send_batch("q", [Outgoing(body=body)])
            if sent.message_id != body and not isinstance(sent.error, QueueUnavailable):
                wrong.append((body, sent))

    # When eight threads send
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    # Then nobody got another one's answer, over as many connections as threads at most
    assert wrong == []
    assert len(transport.server.requests) >= 8 * count
    assert max(request.connection for request in transport.server.requests) <= 8
