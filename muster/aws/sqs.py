"""SQS behind the port `muster.ports.Queues`."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

from muster.aws.batch import MAX_ENTRIES
from muster.aws.client import make_client
from muster.aws.failure import error_code, service_errors, translate
from muster.aws.sending import BatchSender
from muster.errors import ConfigurationError, MusterError, QueueUnavailable
from muster.message.record import from_receive
from muster.model import Message
from muster.ports import MAX_VISIBILITY, Depth, HandleOutcome, Outgoing, Sent, Visibility

#: Longest silence of SQS within one try, in seconds, for a call that does not wait for messages.
READ_TIMEOUT = 5

#: The same for a receive, which may wait 20 s for a message.
POLL_READ_TIMEOUT = 25

#: What SQS says about a handle that no longer holds its message, or may not hold it any longer.
_STALE = frozenset(
    {
        "InvalidIdFormat",
        "InvalidParameterValue",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)


class Queues:
    """SQS by boto3. Safe for use by several threads; the clients are made on first use.

    Args:
        client: use this boto3 client for every call; None makes two with bounded waits.
        sleep: waits the given seconds between two rounds of a partly failed send.
        jitter: a number in 0..1, anew at each call.
    """

    def __init__(
        self,
        *,
        client: Any = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._given = client
        self._sleep = sleep
        self._jitter = jitter

    @cached_property
    def _client(self) -> Any:
        return self._given or make_client("sqs", read_timeout=READ_TIMEOUT)

    @cached_property
    def _poll_client(self) -> Any:
        return self._given or make_client("sqs", read_timeout=POLL_READ_TIMEOUT)

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        """See `muster.ports.Queues.send_batch`."""
        return self.prepare(queue_url, entries)()

    def prepare(self, queue_url: str, entries: Sequence[Outgoing]) -> Callable[[], list[Sent]]:
        """See `muster.ports.Queues.prepare`."""
        # boto3's client can do nothing ahead.
        ahead = getattr(self._client, "prepare_message_batch", None)
        call = _Call(
            ahead or partial(partial, self._client.send_message_batch), "sqs:SendMessage", queue_url
        )
        return BatchSender(call.prepared, sleep=self._sleep, jitter=self._jitter).prepare(entries)

    def receive(
        self,
        queue_url: str,
        *,
        max_messages: int = 10,
        wait: timedelta = timedelta(seconds=20),
        visibility: timedelta | None = None,
    ) -> list[Message]:
        """See `muster.ports.Queues.receive`."""
        hidden = {} if visibility is None else {"VisibilityTimeout": _seconds(visibility)}
        call = _Call(self._poll_client.receive_message, "sqs:ReceiveMessage", queue_url)
        reply = call(
            MaxNumberOfMessages=max_messages,
            WaitTimeSeconds=int(wait.total_seconds()),
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            **hidden,
        )
        return [from_receive(message) for message in reply.get("Messages", [])]

    def change_visibility_batch(
        self, queue_url: str, changes: Sequence[Visibility]
    ) -> list[HandleOutcome]:
        """See `muster.ports.Queues.change_visibility_batch`."""
        call = _Call(
            self._client.change_message_visibility_batch, "sqs:ChangeMessageVisibility", queue_url
        )
        return _on_handles(
            call,
            [
                {
                    "ReceiptHandle": change.receipt_handle,
                    "VisibilityTimeout": _seconds(change.after),
                }
                for change in changes
            ],
        )

    def delete_batch(self, queue_url: str, receipt_handles: Sequence[str]) -> list[HandleOutcome]:
        """See `muster.ports.Queues.delete_batch`."""
        call = _Call(self._client.delete_message_batch, "sqs:DeleteMessage", queue_url)
        return _on_handles(call, [{"ReceiptHandle": handle} for handle in receipt_handles])

    def depth(self, queue_url: str) -> Depth:
        """See `muster.ports.Queues.depth`."""
        visible = "ApproximateNumberOfMessages"
        in_flight = "ApproximateNumberOfMessagesNotVisible"
        delayed = "ApproximateNumberOfMessagesDelayed"
        call = _Call(self._client.get_queue_attributes, "sqs:GetQueueAttributes", queue_url)
        counts = call(AttributeNames=[visible, in_flight, delayed])["Attributes"]
        return Depth(
            visible=int(counts[visible]),
            in_flight=int(counts[in_flight]),
            delayed=int(counts[delayed]),
        )


class _Call:
    """One operation on one queue, its errors translated."""

    def __init__(self, operation: Callable[..., Any], action: str, queue_url: str) -> None:
        self._operation = operation
        self._action = action
        self._queue_url = queue_url

    def __call__(self, **arguments: Any) -> dict[str, Any]:
        return self._translated(partial(self._operation, QueueUrl=self._queue_url, **arguments))

    def batch(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        return self(Entries=_numbered(entries))

    def prepared(self, entries: list[dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        """Of an operation that returns what does it."""
        do = self._operation(QueueUrl=self._queue_url, Entries=_numbered(entries))
        return partial(self._translated, do)

    def _translated(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except service_errors() as exc:
            raise translate(
                exc,
                action=self._action,
                resource=self._queue_url,
                unavailable=QueueUnavailable,
            ) from exc


def _numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"Id": str(index)} | entry for index, entry in enumerate(entries)]


def _on_handles(call: _Call, entries: list[dict[str, Any]]) -> list[HandleOutcome]:
    outcomes: list[HandleOutcome] = []
    for start in range(0, len(entries), MAX_ENTRIES):
        outcomes += _on_chunk(call, entries[start : start + MAX_ENTRIES])
    return outcomes


def _on_chunk(call: _Call, entries: list[dict[str, Any]]) -> list[HandleOutcome]:
    # What SQS does not mention at all stays unknown.
    outcomes = [HandleOutcome.UNKNOWN] * len(entries)
    try:
        reply = call.batch(entries)
    except ConfigurationError:
        raise
    except MusterError as error:
        if error_code(error.__cause__) in _STALE:
            return [HandleOutcome.STALE] * len(entries)
        return outcomes
    for accepted in reply.get("Successful", []):
        outcomes[int(accepted["Id"])] = HandleOutcome.ACCEPTED
    for failed in reply.get("Failed", []):
        if failed.get("Code") in _STALE:
            outcomes[int(failed["Id"])] = HandleOutcome.STALE
    return outcomes


def _seconds(duration: timedelta) -> int:
    """Whole seconds, rounded up, within what SQS takes."""
    longest = int(MAX_VISIBILITY.total_seconds())
    return max(0, min(longest, math.ceil(duration.total_seconds())))
