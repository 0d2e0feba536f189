"""Connections are kept, replaced when the other side closed them, and ended at once by `close`."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ConnectionClosedError

from tests.support.fast_transport import Transport
from tests.support.stubbed_sqs import Answer, lost, ok, raw, refusal, reset, silent
from tests.support.waiting import wait_until

JSON = b'{"Attributes": {}}'


def _connections(transport: Transport) -> list[int]:
    return [request.connection for request in transport.server.requests]


def test_calls_follow_each_other_on_one_connection(transport: Transport):
    transport.server.answer(ok(), refusal("AccessDenied"), ok(pieces=7))
    transport.depth()
    with pytest.raises(Exception, match="AccessDenied"):
        transport.depth()
    transport.depth()
    assert _connections(transport) == [1, 1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", keep=True),
        raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", keep=True),
        raw(b"HTTP/1.1 200 OK\r\n\r\n{}", keep=False),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more than was asked for", keep=True),
    ],
)
def test_a_connection_that_ends_with_its_answer_is_not_used_again(
    transport: Transport, answer: Answer
):
    transport.server.answer(answer)
    assert transport.depth() == {}
    assert transport.depth() == {}
    assert _connections(transport) == [1, 2]
    assert transport.pauses == []


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        ),
        raw(
            b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n"
        ),
    ],
)
def test_http_is_understood_in_all_its_forms(transport: Transport, answer: Answer):
    transport.server.answer(answer)
    assert transport.depth() == {}
    assert transport.depth() == {}
    assert _connections(transport) == [1, 1]


def test_a_connection_closed_while_idle_costs_no_try(transport: Transport):
    # Given a kept connection that the server closes after its answer, without having said so
    transport.server.answer(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", keep=False))
    transport.depth()
    wait_until(lambda: not transport.server._threads[1].is_alive())
    # When the next call is made
    transport.depth()
    # Then it goes over a new one at once
    assert _connections(transport) == [1, 2]
    assert transport.pauses == []


@pytest.mark.parametrize("end", [lost, reset])
def test_a_kept_connection_that_ends_without_a_word_is_replaced_at_once(
    transport: Transport, end: Answer
):
    # Given a kept connection that ends when the request comes
    transport.depth()
    transport.server.answer(end)
    # When a call is made
    transport.depth()
    # Then it was sent again on a new one, without a pause
    assert _connections(transport) == [1, 1, 2]
    assert transport.pauses == []


def test_each_thread_at_work_has_a_connection(transport: Transport):
    # Given four calls at once, none of which ends before all have come
    together = threading.Barrier(4)

    def answer(connection: Any) -> bool:
        together.wait(60)
        return ok()(connection)

    transport.server.answer(*[answer] * 4)
    threads = [threading.Thread(target=transport.depth) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # Then each had its own, and the next call takes one of them
    assert sorted(_connections(transport)) == [1, 2, 3, 4]
    transport.depth()
    assert _connections(transport)[-1] in {1, 2, 3, 4}


def test_calls_made_at_once_are_all_under_way_before_the_first_is_answered(transport: Transport):
    # Given three calls, none of which is answered before all have come
    together = threading.Barrier(3)

    def after_all(body: dict[str, Any]) -> Answer:
        def answer(connection: Any) -> bool:
            together.wait(60)
            return ok(body)(connection)

        return answer

    transport.server.answer(*[after_all({"n": n}) for n in range(3)])
    # When one thread makes them
    calls = [{"QueueUrl": "q", "Entries": [{"Id": str(n)}]} for n in range(3)]
    replies = transport.client.delete_message_batches(calls)
    # Then each went over a connection of its own, and all are answered, each by its own answer
    assert sorted(_connections(transport)) == [1, 2, 3]
    answered = {r.connection: r.body["Entries"][0]["Id"] for r in transport.server.requests}
    assert sorted(answered.values()) == ["0", "1", "2"]
    assert sorted(reply["n"] for reply in replies if isinstance(reply, dict)) == [0, 1, 2]
    assert not together.broken
    # And the connections are kept
    assert transport.client.delete_message_batches(calls) == [{}, {}, {}]
    assert set(_connections(transport)) == {1, 2, 3}


@pytest.mark.parametrize("end", [lost, reset])
def test_of_calls_made_at_once_a_connection_that_ended_is_replaced_for_its_own_call_only(
    transport: Transport, end: Answer
):
    # Given two kept connections, one of which ends when its request comes
    calls = [{"QueueUrl": "q", "Entries": [{"Id": str(n)}]} for n in range(2)]
    transport.client.delete_message_batches(calls)
    transport.server.answer(end)
    # When two calls are made at once
    assert transport.client.delete_message_batches(calls) == [{}, {}]
    # Then one of them was sent once more on a new one
    assert len(transport.server.requests) == 5
    assert _connections(transport).count(3) == 1
    assert transport.pauses == []


def test_closing_ends_a_long_poll_at_once(transport: Transport):
    # Given a long poll of twenty seconds
    transport.server.answer(silent)
    outcome: list[BaseException] = []

    def poll() -> None:
        try:
            transport.client.receive_message(QueueUrl="q", WaitTimeSeconds=20)
        except BotoCoreError as error:
            outcome.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    assert transport.server.asked.acquire(timeout=60)
    # When the client is closed
    transport.client.close()
    # Then the poll ends, is not repeated, and neither is anything else
    thread.join(15)
    assert [type(error) for error in outcome] == [ConnectionClosedError]
    with pytest.raises(ConnectionClosedError):
        transport.depth()
    assert transport.pauses == []
