"""Receipt handles, receives and counts on an SQS that answers in every way it may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from muster.aws.client import CONNECT_TIMEOUT, TOTAL_ATTEMPTS
from muster.aws.sqs import POLL_READ_TIMEOUT, READ_TIMEOUT, Queues
from muster.errors import ConfigurationError, QueueUnavailable
from muster.ports import Depth, HandleOutcome, Visibility
from tests.support.scripted_aws import Answer, failure, reply, scripted_client

QUEUE = "http://scripted.invalid/queue"
GONE = {"Code": "ReceiptHandleIsInvalid", "SenderFault": True}


def queues(answer: Answer) -> Queues:
    return Queues(client=scripted_client("sqs", answer))


class StaleHandle:
    """SQS given a stale handle and a good one; what it does with the stale one is not defined."""

    def __init__(self, *, deletes: bool, refuses: bool) -> None:
        self.messages = {"stale", "good"}
        self._deletes = deletes
        self._refuses = refuses

    def __call__(self, request: dict[str, Any]) -> Any:
        accepted: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        for entry in request["Entries"]:
            stale = entry["ReceiptHandle"] == "stale"
            if not stale or self._deletes:
                self.messages.discard(entry["ReceiptHandle"])
            if stale and self._refuses:
                refused.append({"Id": entry["Id"], **GONE})
            else:
                accepted.append({"Id": entry["Id"]})
        return reply({"Successful": accepted, "Failed": refused})


@pytest.mark.parametrize(
    ("server", "outcome", "left"),
    [
        # AWS: "the message might not be deleted", and it says 200.
        (StaleHandle(deletes=False, refuses=False), HandleOutcome.ACCEPTED, {"stale"}),
        # Seen on one emulator: it really deletes.
        (StaleHandle(deletes=True, refuses=False), HandleOutcome.ACCEPTED, set[str]()),
        # Seen on the other: 400.
        (StaleHandle(deletes=False, refuses=True), HandleOutcome.STALE, {"stale"}),
    ],
)
def test_the_outcome_of_a_delete_proves_nothing(
    server: StaleHandle, outcome: HandleOutcome, left: set[str]
):
    # When a stale handle is deleted together with a good one
    outcomes = queues(server).delete_batch(QUEUE, ["stale", "good"])
    # Then nothing is raised, the neighbour is gone, and ACCEPTED was said in either case
    assert outcomes == [outcome, HandleOutcome.ACCEPTED]
    assert server.messages == left


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda _: failure("ReceiptHandleIsInvalid"), HandleOutcome.STALE),
        (lambda _: failure("InvalidParameterValue"), HandleOutcome.STALE),
        (lambda _: failure("ServiceUnavailable", status=503), HandleOutcome.UNKNOWN),
        (lambda _: failure("RequestThrottled"), HandleOutcome.UNKNOWN),
        (lambda _: reply({"Successful": [], "Failed": []}), HandleOutcome.UNKNOWN),
        (
            lambda _: reply({"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError"}]}),
            HandleOutcome.UNKNOWN,
        ),
    ],
)
def test_no_answer_about_a_handle_is_raised(answer: Answer, outcome: HandleOutcome):
    subject = queues(answer)
    change = Visibility(receipt_handle="h", after=timedelta(0))
    assert subject.delete_batch(QUEUE, ["h"]) == [outcome]
    assert subject.change_visibility_batch(QUEUE, [change]) == [outcome]


def test_a_lost_reply_to_one_call_leaves_the_others_their_outcomes():
    # Given eleven handles, hence two calls, the first of which is lost
    calls: list[int] = []

    def answer(request: dict[str, Any]) -> Any:
        calls.append(len(request["Entries"]))
        if len(calls) == 1:
            raise ReadTimeoutError(endpoint_url=QUEUE)
        return reply({"Successful": [{"Id": "0"}], "Failed": []})

    outcomes = queues(answer).delete_batch(QUEUE, [f"h{n}" for n in range(11)])
    assert calls == [10, 1]
    assert outcomes == [HandleOutcome.UNKNOWN] * 10 + [HandleOutcome.ACCEPTED]


def test_visibility_is_rounded_up_and_kept_within_twelve_hours():
    seen: list[int] = []

    def answer(request: dict[str, Any]) -> Any:
        seen.extend(entry["VisibilityTimeout"] for entry in request["Entries"])
        return reply({"Successful": [], "Failed": []})

    wishes = [timedelta(seconds=s) for s in (0, 0.2, 1, -5, 100_000)]
    changes = [Visibility(receipt_handle="h", after=wish) for wish in wishes]
    queues(answer).change_visibility_batch(QUEUE, changes)
    assert seen == [0, 1, 1, 0, 43_200]


@pytest.mark.parametrize(
    "fault",
    [
        EndpointConnectionError(endpoint_url=QUEUE),
        ConnectionClosedError(endpoint_url=QUEUE),
        ReadTimeoutError(endpoint_url=QUEUE),
        failure("ServiceUnavailable", status=503),
        failure("RequestThrottled"),
        failure("SomethingNew", status=418),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_may_pass_by_itself_is_unavailable(fault: Any):
    def answer(_: dict[str, Any]) -> Any:
        if isinstance(fault, Exception):
            raise fault
        return fault

    subject = queues(answer)
    with pytest.raises(QueueUnavailable) as caught:
        subject.receive(QUEUE)
    assert caught.value.__cause__ is not None
    with pytest.raises(QueueUnavailable):
        subject.depth(QUEUE)


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (failure("AccessDenied", status=403), "Grant it"),
        (failure("KMS.AccessDeniedException"), "Grant it"),
        (failure("AWS.SimpleQueueService.NonExistentQueue"), "does not exist"),
        (failure("InvalidClientTokenId", status=403), "Check the credentials"),
        (NoCredentialsError(), "Check the credentials"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_a_person_must_mend_names_the_cure(fault: Any, cure: str):
    def answer(_: dict[str, Any]) -> Any:
        if isinstance(fault, Exception):
            raise fault
        return fault

    subject = queues(answer)
    change = Visibility(receipt_handle="h", after=timedelta(0))
    for call in (
        lambda: subject.receive(QUEUE),
        lambda: subject.depth(QUEUE),
        lambda: subject.delete_batch(QUEUE, ["h"]),
        lambda: subject.change_visibility_batch(QUEUE, [change]),
    ):
        with pytest.raises(ConfigurationError, match=cure):
            call()


def test_depth_has_three_parts():
    def answer(_: dict[str, Any]) -> Any:
        return reply(
            {
                "Attributes": {
                    "ApproximateNumberOfMessages": "3",
                    "ApproximateNumberOfMessagesNotVisible": "4",
                    "ApproximateNumberOfMessagesDelayed": "5",
                }
            }
        )

    depth = queues(answer).depth(QUEUE)
    assert depth == Depth(visible=3, in_flight=4, delayed=5)
    assert depth.total == 12


def test_every_wait_is_bounded(monkeypatch: pytest.MonkeyPatch):
    # Given nothing but a region
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    subject = Queues()
    # Then both clients give up: one soon, the other after the longest poll of SQS
    for client, read_timeout in (
        (subject._client, READ_TIMEOUT),
        (subject._poll_client, POLL_READ_TIMEOUT),
    ):
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT, read_timeout)
        assert config.retries == {"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS}
    assert POLL_READ_TIMEOUT > 20


def test_without_a_region_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        Queues().depth(QUEUE)
