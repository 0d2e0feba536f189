"""What every implementation of `muster.ports.Queues` does: in memory, by both transports on emulators."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from bench.endpoint.client import running_endpoint
from local.emulator import REGION
from muster.aws.fast.client import FastSqs
from muster.aws.fast.credentials import Keyring
from muster.aws.fast.opening import fast_sqs
from muster.aws.sqs import READ_TIMEOUT
from muster.aws.sqs import Queues as SqsQueues
from muster.errors import ConfigurationError
from muster.ports import Depth, HandleOutcome, Outgoing, Queues, Visibility
from tests.support.emulator import session
from tests.support.moto_server import moto_over_http
from tests.support.queues import MemoryQueues

SECOND = timedelta(seconds=1)
NOW = timedelta(0)
LONG = timedelta(minutes=5)


@dataclass
class Subject:
    queues: Queues
    create: Callable[[str], str]
    missing: str

    def queue(self) -> str:
        return self.create(f"conformance-{uuid.uuid4().hex}")


@pytest.fixture(
    params=[
        "memory",
        "moto",
        "emulator",
        "benchmark",
        "fast-moto",
        "fast-emulator",
        "fast-benchmark",
    ]
)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    match request.param:
        case "memory":
            memory = MemoryQueues()
            yield Subject(memory, memory.create, "memory://missing")
        case "moto":
            with mock_aws():
                yield _over(session().client("sqs"))
        case "fast-moto":
            with mock_aws(), moto_over_http() as url, _fast(url) as fast:
                yield _over(session().client("sqs"), fast)
        case "fast-emulator":
            emulator = request.getfixturevalue("emulator")
            with _fast(emulator.endpoint_url) as fast:
                yield _over(emulator.client("sqs"), fast)
        case "benchmark" | "fast-benchmark":
            with running_endpoint(latency=0) as endpoint, _fast(endpoint.url) as fast:
                client = session().client("sqs", endpoint_url=endpoint.url)
                yield _over(client, fast if request.param == "fast-benchmark" else client)
        case _:
            yield _over(request.getfixturevalue("emulator").client("sqs"))


def _fast(url: str) -> closing[FastSqs]:
    keyring = Keyring(session().get_credentials)
    return closing(
        fast_sqs(endpoint_url=url, region=REGION, keyring=keyring, patience=READ_TIMEOUT)
    )


def _over(client: Any, tested: Any = None) -> Subject:
    def create(name: str) -> str:
        return client.create_queue(QueueName=name)["QueueUrl"]

    url = create("conformance-gone")
    client.delete_queue(QueueUrl=url)
    return Subject(SqsQueues(client=tested or client), create, url)


def _receive_all(subject: Subject, queue: str, count: int, **options: Any):
    """So many messages; fewer when none came for as long as a receive may wait."""
    received = []
    while len(received) < count:
        batch = subject.queues.receive(queue, wait=20 * SECOND, **options)
        if not batch:
            break
        received += batch
    return received


def test_sends_more_than_one_call_takes_and_answers_in_order(subject: Subject):
    # Given 23 messages
    queue = subject.queue()
    entries = [Outgoing(body=f'{{"n":{n}}}') for n in range(23)]
    # When they are sent and received
    sent = subject.queues.send_batch(queue, entries)
    received = _receive_all(subject, queue, 23, visibility=LONG)
    # Then each result belongs to the entry in its place
    assert all(result.ok for result in sent)
    bodies = {message.message_id: message.body for message in received}
    assert [bodies[str(result.message_id)] for result in sent] == [e.body for e in entries]


def test_what_is_prepared_is_sent_when_it_is_called(subject: Subject):
    # Given 12 messages that are prepared
    queue = subject.queue()
    ready = subject.queues.prepare(queue, [Outgoing(body=f'{{"n":{n}}}') for n in range(12)])
    # Then nothing is sent
    assert subject.queues.receive(queue, wait=NOW) == []
    # Until it is asked for
    assert [result.ok for result in ready.send()] == [True] * 12
    bodies = [message.body for message in _receive_all(subject, queue, 12, visibility=LONG)]
    assert sorted(bodies) == sorted(f'{{"n":{n}}}' for n in range(12))


def test_what_is_posted_is_there_and_told_of_later(subject: Subject):
    # Given a message that is prepared, after one that was sent just now
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body='{"n":0}')])
    ready = subject.queues.prepare(queue, [Outgoing(body='{"n":1}')])
    # When it is posted, or sent by whoever cannot post
    hear = ready.post()
    told = ready.send if hear is None else hear
    # Then it arrives, once, and what became of it can be asked for
    if hear is not None:
        assert len(_receive_all(subject, queue, 2, visibility=NOW)) >= 2
    [sent] = told()
    received = _receive_all(subject, queue, 2, visibility=LONG)
    assert sorted(message.body for message in received) == ['{"n":0}', '{"n":1}']
    assert sent.message_id in {message.message_id for message in received}


def test_more_than_one_receive_takes_are_received_together(subject: Subject):
    # Given 23 messages
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body=f'{{"n":{n}}}') for n in range(23)])
    # When up to thirty are asked for
    received = _receive_all(subject, queue, 23, max_messages=30, visibility=LONG)
    # Then all of them come. SQS may give one twice, and moto does where several receive at once
    assert len({message.message_id for message in received}) == 23


def test_a_message_arrives_as_it_was_sent(subject: Subject):
    # Given a message with text beyond ASCII, attributes and one that is empty
    queue = subject.queue()
    body = '{"text":"Grüße, 世界 🌍\\u0000"}'
    attributes = {"muster-reason": "zu groß", "muster-job": "j-1", "empty": ""}
    # When it is sent and received
    before = datetime.now(UTC) - timedelta(seconds=5)
    subject.queues.send_batch(queue, [Outgoing(body=body, attributes=attributes)])
    [message] = _receive_all(subject, queue, 1)
    # Then nothing changed but that SQS has no empty attributes
    assert message.body == body
    assert message.attributes == {"muster-reason": "zu groß", "muster-job": "j-1"}
    assert message.receive_count == 1
    assert message.sent_at is not None
    assert before < message.sent_at < datetime.now(UTC) + timedelta(seconds=5)


def test_a_delayed_message_stays_hidden(subject: Subject):
    # Given one message with a long delay, of which SQS knows whole seconds
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body='{"n":1}', delay=899.9 * SECOND)])
    # Then it is counted as delayed, and not received
    assert subject.queues.depth(queue) == Depth(visible=0, in_flight=0, delayed=1)
    assert subject.queues.receive(queue, wait=NOW) == []
    # And one with a short delay is received when that is over
    subject.queues.send_batch(queue, [Outgoing(body='{"n":2}', delay=1.9 * SECOND)])
    [message] = _receive_all(subject, queue, 1, visibility=LONG)
    assert message.body == '{"n":2}'
    assert subject.queues.depth(queue) == Depth(visible=0, in_flight=1, delayed=1)


@pytest.mark.parametrize("seconds", [-1, 901])
def test_an_impossible_delay_is_refused_before_anything_is_sent(subject: Subject, seconds: int):
    queue = subject.queue()
    entries = [Outgoing(body="{}"), Outgoing(body="{}", delay=seconds * SECOND)]
    with pytest.raises(ValueError, match="delay"):
        subject.queues.send_batch(queue, entries)
    assert subject.queues.depth(queue).total == 0


def test_a_received_message_is_hidden_and_comes_back_with_a_higher_count(subject: Subject):
    # Given a message received for one second
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body="{}")])
    [first] = _receive_all(subject, queue, 1, visibility=SECOND)
    # When it is not deleted
    [second] = _receive_all(subject, queue, 1, visibility=LONG)
    # Then it is the same message again
    assert second.message_id == first.message_id
    assert second.receive_count == 2
    # And now that it is received for long, it is hidden
    assert subject.queues.depth(queue) == Depth(visible=0, in_flight=1, delayed=0)
    assert subject.queues.receive(queue, wait=NOW) == []


def test_visibility_zero_hands_a_message_back_at_once(subject: Subject):
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body="{}")])
    [held] = _receive_all(subject, queue, 1, visibility=LONG)
    # When it is given back
    change = Visibility(receipt_handle=held.receipt_handle, after=NOW)
    assert subject.queues.change_visibility_batch(queue, [change]) == [HandleOutcome.ACCEPTED]
    # Then somebody else gets it
    assert len(_receive_all(subject, queue, 1)) == 1


def test_deleting_more_than_one_call_takes_leaves_the_others(subject: Subject):
    # Given 12 messages received, and one sent after them
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body="{}")] * 12)
    held = _receive_all(subject, queue, 12, visibility=LONG)
    subject.queues.send_batch(queue, [Outgoing(body='{"kept":true}')])
    # When the twelve are deleted
    outcomes = subject.queues.delete_batch(queue, [message.receipt_handle for message in held])
    # Then only the other one is left
    assert outcomes == [HandleOutcome.ACCEPTED] * 12
    assert subject.queues.depth(queue).total == 1


def test_a_stale_handle_is_an_outcome_and_harms_no_neighbour(subject: Subject):
    # Given a message received again since, and another one held
    queue = subject.queue()
    subject.queues.send_batch(queue, [Outgoing(body="{}")])
    [stale] = _receive_all(subject, queue, 1, visibility=SECOND)
    _receive_all(subject, queue, 1, visibility=LONG)
    subject.queues.send_batch(queue, [Outgoing(body="{}")])
    [held] = _receive_all(subject, queue, 1, visibility=LONG)
    # When both are extended and deleted in one call each
    handles = [stale.receipt_handle, held.receipt_handle]
    changes = [Visibility(receipt_handle=handle, after=LONG) for handle in handles]
    changed = subject.queues.change_visibility_batch(queue, changes)
    deleted = subject.queues.delete_batch(queue, handles)
    # Then nothing is raised, whatever the stale one's outcome, and the other one is dealt with
    assert changed[1] == deleted[1] == HandleOutcome.ACCEPTED
    assert {changed[0], deleted[0]} <= {HandleOutcome.STALE, HandleOutcome.ACCEPTED}


def test_nothing_to_do_is_fine(subject: Subject):
    queue = subject.queue()
    assert subject.queues.send_batch(queue, []) == []
    assert subject.queues.delete_batch(queue, []) == []
    assert subject.queues.change_visibility_batch(queue, []) == []
    assert subject.queues.receive(queue, wait=NOW) == []


def test_a_missing_queue_is_a_configuration_error_that_names_it(subject: Subject):
    change = Visibility(receipt_handle="h", after=NOW)
    for call in (
        lambda: subject.queues.receive(subject.missing, wait=NOW),
        lambda: subject.queues.delete_batch(subject.missing, ["h"]),
        lambda: subject.queues.change_visibility_batch(subject.missing, [change]),
        lambda: subject.queues.depth(subject.missing),
    ):
        with pytest.raises(ConfigurationError, match=subject.missing):
            call()
    [sent] = subject.queues.send_batch(subject.missing, [Outgoing(body="{}")])
    assert not sent.ok
    assert isinstance(sent.error, ConfigurationError)
