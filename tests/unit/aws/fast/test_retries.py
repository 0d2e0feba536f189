"""Passing faults are tried again as botocore's standard mode does; what would fail again is told at once."""

from __future__ import annotations

import contextlib
import math
import socket
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.retries import standard

from muster.aws.client import TOTAL_ATTEMPTS
from muster.aws.fast import failure
from muster.aws.fast.failure import Cause
from muster.aws.fast.retry import CAPACITY, MAX_PAUSE, Quota, pause, pause_asked
from tests.support.fast_transport import Transport
from tests.support.kept_port import kept_port
from tests.support.stubbed_sqs import (
    Answer,
    StubbedSqs,
    lost,
    ok,
    page,
    raw,
    refusal,
    reset,
    silent,
)
from tests.support.waiting import wait_until

SUCCESS = {"Attributes": {"n": "1"}}


@pytest.mark.parametrize(
    ("fault", "pauses"),
    [
        (refusal("InternalError", status=500), [0.05]),
        (refusal("ServiceUnavailable", status=503), [0.05]),
        (page(502, "<h1>Bad gateway</h1>"), [0.05]),
        (refusal("RequestThrottled"), [1.0]),
        (refusal("ThrottlingException"), [1.0]),
        (page(429, "slow down"), [1.0]),
        (refusal("ServiceUnavailable", status=503, x_amz_retry_after="1500"), [1.5]),
        (reset, [0.05]),
        (lost, [0.05]),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", keep=False), [0.05]),
        (raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", keep=False), [0.05]),
        (page(200, "<h1>Welcome to this hotel</h1>"), [0.05]),
        (page(200, "[]"), [0.05]),
        (page(200, "[" * 100_000), [0.05]),
    ],
)
def test_a_passing_fault_is_tried_again_after_a_pause(
    transport: Transport, fault: Answer, pauses: list[float]
):
    # Given one fault, and then success
    transport.server.answer(fault, ok(SUCCESS))
    # When the operation is called
    reply = transport.depth()
    # Then the caller sees the success only
    assert reply == SUCCESS
    assert transport.pauses == pauses
    assert len(transport.server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal("ServiceUnavailable", status=503), ClientError),
        (refusal("RequestThrottled"), ClientError),
        (lost, ConnectionClosedError),
        (reset, ConnectionClosedError),
        (page(200, "nonsense"), HTTPClientError),
    ],
)
def test_a_lasting_fault_is_raised_after_three_tries(
    transport: Transport, fault: Answer, error: type[Exception]
):
    transport.server.answer(*[fault] * TOTAL_ATTEMPTS)
    with pytest.raises(error):
        transport.depth()
    assert len(transport.server.requests) == TOTAL_ATTEMPTS
    assert len(transport.pauses) == TOTAL_ATTEMPTS - 1


@pytest.mark.parametrize(
    "code", ["AccessDenied", "QueueDoesNotExist", "InvalidParameterValue", "SomethingNew"]
)
def test_what_would_fail_again_is_raised_at_once(transport: Transport, code: str):
    transport.server.answer(refusal(code))
    with pytest.raises(ClientError) as caught:
        transport.depth()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.operation_name == "GetQueueAttributes"
    assert len(transport.server.requests) == 1


def test_names_of_the_older_protocol_come_first(transport: Transport):
    # Given an error with both names, as SQS sends it
    older = "AWS.SimpleQueueService.NonExistentQueue"
    transport.server.answer(refusal("QueueDoesNotExist", x_amzn_query_error=f"{older};Sender"))
    # Then it has the one by which boto3's users know it
    with pytest.raises(ClientError) as caught:
        transport.depth()
    assert caught.value.response["Error"]["Code"] == older


def test_an_error_without_a_name_is_known_by_its_status(transport: Transport):
    transport.server.answer(page(418, "I am a teapot"))
    with pytest.raises(ClientError) as caught:
        transport.depth()
    assert caught.value.response["Error"]["Code"] == "418"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 418


def test_a_service_that_says_nothing_is_given_up_in_time(server: StubbedSqs):
    # Given a short patience and a server that never answers
    impatient = Transport(server, patience=0.5)
    server.answer(*[silent] * TOTAL_ATTEMPTS)
    # Then each try ends by itself
    with pytest.raises(ReadTimeoutError):
        impatient.depth()
    wait_until(lambda: len(server.requests) == TOTAL_ATTEMPTS)
    impatient.client.close()


def test_a_receive_waits_for_messages_besides(server: StubbedSqs):
    # Given a server whose answer takes longer than it may for other calls
    impatient = Transport(server, patience=0.2)

    def late(connection: socket.socket) -> bool:
        # Nothing else comes on this connection, so half a second passes.
        connection.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            connection.recv(1)
        return ok({"Messages": []})(connection)

    server.answer(late)
    # When a long poll of ten seconds is made
    reply = impatient.client.receive_message(QueueUrl="q", WaitTimeSeconds=10)
    # Then it is not given up
    assert reply == {"Messages": []}
    assert len(server.requests) == 1
    impatient.client.close()


def test_nobody_there_is_an_error_of_the_endpoint(server: StubbedSqs):
    # Given a port at which nobody listens
    with kept_port() as port:
        gone = Transport(server, url=f"http://127.0.0.1:{port}")
        # Then the connection is what failed, after as many tries as any other passing fault
        with pytest.raises(EndpointConnectionError):
            gone.depth()
    assert gone.pauses == [0.05, 0.1]


def test_the_lists_are_botocores():
    transient, throttled = standard.TransientRetryableChecker, standard.ThrottledRetryableChecker
    assert set(transient._TRANSIENT_ERROR_CODES) == failure.TRANSIENT_CODES
    assert set(transient._TRANSIENT_STATUS_CODES) == failure.TRANSIENT_STATUSES
    assert set(throttled._THROTTLED_ERROR_CODES) == failure.THROTTLING_CODES
    statuses = standard.ThrottlingStatusCodeChecker._THROTTLING_STATUS_CODES
    assert set(statuses) == failure.THROTTLING_STATUSES


@pytest.mark.parametrize("attempt", range(1, 15))
@pytest.mark.parametrize("cause", [Cause.TRANSIENT, Cause.THROTTLED])
def test_the_pauses_are_botocores(attempt: int, cause: Cause):
    # Given botocore's own backoff
    class Context:
        attempt_number = attempt
        http_response = None

    class Detector:
        def is_throttling_error_from_context(self, _: Any) -> bool:
            return cause is Cause.THROTTLED

    theirs = standard.ExponentialBackoff(random=lambda: 0.7, throttling_detector=Detector())
    # Then ours is the same
    ours = pause(cause, attempt=attempt, chance=0.7)
    assert math.isclose(ours, theirs.delay_amount(Context()))
    assert ours <= MAX_PAUSE


@pytest.mark.parametrize(
    ("header", "seconds"), [(b"1500", 1.5), (b"0", 0), (None, None), (b"-5", None), (b"soon", None)]
)
def test_a_pause_that_makes_no_sense_is_not_asked(header: bytes | None, seconds: float | None):
    assert pause_asked(header) == seconds


@pytest.mark.parametrize(("asked", "granted"), [(0.001, 0.05), (3, 3), (86_400, 5.05)])
def test_the_service_cannot_ask_for_hours(asked: float, granted: float):
    assert pause(Cause.TRANSIENT, attempt=1, chance=1, asked=asked) == granted


def test_the_quota_ends_repetitions_and_comes_back_with_successes():
    # Given a service that fails every call
    quota = Quota()
    taken = 0
    while quota.take(Cause.TRANSIENT):
        taken += 1
    assert taken == CAPACITY // 14
    # When calls succeed again
    for _ in range(14):
        quota.give(None)
    # Then there is capacity for a repetition again
    assert quota.take(Cause.TRANSIENT)
    # And a success after a repetition gives back what that took
    quota.give(Cause.TRANSIENT)
    assert quota.take(Cause.TRANSIENT)
    assert standard.RetryQuotaChecker._RETRY_COST == 14
    assert standard.RetryQuotaChecker._THROTTLING_RETRY_COST == 5


def test_of_calls_made_at_once_what_fails_is_tried_again_alone_and_told_for_itself(
    transport: Transport,
):
    # Given three calls: of two that come first one fails for now, and one for good
    transport.server.answer(refusal("ServiceUnavailable", status=503), refusal("AccessDenied"))
    calls = [{"QueueUrl": "q", "Entries": [{"Id": str(n)}]} for n in range(3)]
    # When they are made
    replies = transport.client.change_message_visibility_batches(calls)
    # Then one was tried again and succeeded, one is told as it was refused, and the third was made once
    refused = [reply for reply in replies if isinstance(reply, ClientError)]
    assert len(refused) == 1
    assert refused[0].response["Error"]["Code"] == "AccessDenied"
    assert [reply for reply in replies if reply is not refused[0]] == [{}, {}]
    made = [request.body["Entries"][0]["Id"] for request in transport.server.requests]
    assert sorted(made.count(str(n)) for n in range(3)) == [1, 1, 2]
    assert len(transport.pauses) == 1


def test_an_answer_that_came_in_time_counts_although_another_took_too_long(
    server: StubbedSqs,
):
    # Given a service that never answers one of two calls, and a patience that ends
    hasty = Transport(server, patience=8)
    with contextlib.closing(hasty.client):
        server.answer(silent)
        calls = [{"QueueUrl": "q", "Entries": [{"Id": str(n)}]} for n in range(2)]
        replies = hasty.client.delete_message_batches(calls)
    # Then the other one succeeded at its only try, and the first at its second
    assert replies == [{}, {}]
    made = [request.body["Entries"][0]["Id"] for request in server.requests]
    assert sorted(made.count(str(n)) for n in range(2)) == [1, 2]
