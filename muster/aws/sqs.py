"""SQS behind the port `muster.ports.Queues`."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
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
from muster.ports import MAX_VISIBILITY, Depth, HandleOutcome, Outgoing, Ready, Sent, Visibility

#: Longest silence of SQS within one try, in seconds, for a call that does not wait for messages.
READ_TIMEOUT = 5

#: The same for a receive, which may wait 20 s for a message.
POLL_READ_TIMEOUT = 25

#: Requests of one call that are under way at once where the client can.
_AT_ONCE = 8

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

    @property
    def at_once(self) -> int:
        """How many batches of handles, or receives, are under way at once in one call."""
        return _AT_ONCE if hasattr(self._given, "delete_message_batches") else 1

    @cached_property
    def _client(self) -> Any:
        return self._given or make_client("sqs", read_timeout=READ_TIMEOUT)

    @cached_property
    def _poll_client(self) -> Any:
        return self._given or make_client("sqs", read_timeout=POLL_READ_TIMEOUT)

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        """See `muster.ports.Queues.send_batch`."""
        return self.prepare(queue_url, entries).send()

    def prepare(self, queue_url: str, entries: Sequence[Outgoing]) -> Ready[list[Sent]]:
        """See `muster.ports.Queues.prepare`."""
        ahead = getattr(self._client, "prepare_message_batch", None)
        call = _Call(
            ahead or partial(_nothing_ahead, self._client.send_message_batch),
            "sqs:SendMessage",
            queue_url,
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
        arguments = {
            "WaitTimeSeconds": int(wait.total_seconds()),
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
            **hidden,
        }
        call = self._call(
            "receive_message", "sqs:ReceiveMessage", queue_url, client=self._poll_client
        )
        asked = [
            {"MaxNumberOfMessages": min(MAX_ENTRIES, max_messages - start), **arguments}
            for start in range(0, max_messages, MAX_ENTRIES)
        ]
        replies = list(call.all(asked))
        messages = [
            from_receive(message)
            for reply in replies
            if not isinstance(reply, MusterError)
            for message in reply.get("Messages", [])
        ]
        if not messages:
            # What came is not given up because something else did not: the next receive tells of that.
            for reply in replies:
                if isinstance(reply, MusterError):
                    raise reply
        return messages

    def change_visibility_batch(
        self, queue_url: str, changes: Sequence[Visibility]
    ) -> list[HandleOutcome]:
        """See `muster.ports.Queues.change_visibility_batch`."""
        call = self._call(
            "change_message_visibility_batch", "sqs:ChangeMessageVisibility", queue_url
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
        call = self._call("delete_message_batch", "sqs:DeleteMessage", queue_url)
        return _on_handles(call, [{"ReceiptHandle": handle} for handle in receipt_handles])

    def _call(self, operation: str, action: str, queue_url: str, *, client: Any = None) -> _Call:
        """One operation, of which the client may be able to make several calls at once."""
        by = client or self._client
        plural = f"{operation}es" if operation.endswith("batch") else f"{operation}s"
        return _Call(getattr(by, operation), action, queue_url, at_once=getattr(by, plural, None))

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

    def __init__(
        self,
        operation: Callable[..., Any],
        action: str,
        queue_url: str,
        *,
        at_once: Callable[..., list[Any]] | None = None,
    ) -> None:
        self._operation = operation
        self._action = action
        self._queue_url = queue_url
        self._at_once = at_once

    def __call__(self, **arguments: Any) -> dict[str, Any]:
        return self._translated(partial(self._operation, QueueUrl=self._queue_url, **arguments))

    def all(self, calls: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any] | MusterError]:
        """The reply to each of these calls, or what it would raise."""
        if self._at_once is None or len(calls) == 1:
            for arguments in calls:
                try:
                    yield self(**arguments)
                except MusterError as error:
                    yield error
        else:
            for start in range(0, len(calls), _AT_ONCE):
                yield from self._together(self._at_once, calls[start : start + _AT_ONCE])

    def _together(
        self, at_once: Callable[..., list[Any]], calls: Sequence[dict[str, Any]]
    ) -> Iterator[dict[str, Any] | MusterError]:
        try:
            replies = at_once([{"QueueUrl": self._queue_url, **arguments} for arguments in calls])
        except service_errors() as exc:
            replies = [exc] * len(calls)
        for reply in replies:
            if isinstance(reply, Exception):
                problem = self._problem(reply)
                problem.__cause__ = reply
                yield problem
            else:
                yield reply

    def prepared(self, entries: list[dict[str, Any]]) -> Ready[dict[str, Any]]:
        """Of an operation that is made ready."""
        ready = self._operation(QueueUrl=self._queue_url, Entries=_numbered(entries))

        def post() -> Callable[[], dict[str, Any]] | None:
            hear = ready.post()
            return hear and partial(self._translated, hear)

        return Ready(send=partial(self._translated, ready.send), post=post)

    def _translated(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except service_errors() as exc:
            raise self._problem(exc) from exc

    def _problem(self, exc: Exception) -> MusterError:
        return translate(
            exc, action=self._action, resource=self._queue_url, unavailable=QueueUnavailable
        )


def _nothing_ahead(call: Callable[..., dict[str, Any]], **arguments: Any) -> Ready[dict[str, Any]]:
    """Of boto3's client, which makes, sends and waits in one go."""
    return Ready(send=partial(call, **arguments), post=lambda: None)


def _numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"Id": str(index)} | entry for index, entry in enumerate(entries)]


def _on_handles(call: _Call, entries: list[dict[str, Any]]) -> list[HandleOutcome]:
    batches = [
        entries[start : start + MAX_ENTRIES] for start in range(0, len(entries), MAX_ENTRIES)
    ]
    outcomes: list[HandleOutcome] = []
    calls = [{"Entries": _numbered(batch)} for batch in batches]
    for batch, reply in zip(batches, call.all(calls), strict=True):
        outcomes += _outcomes(len(batch), reply)
    return outcomes


def _outcomes(count: int, reply: dict[str, Any] | MusterError) -> list[HandleOutcome]:
    # What SQS does not mention at all stays unknown.
    outcomes = [HandleOutcome.UNKNOWN] * count
    if isinstance(reply, ConfigurationError):
        raise reply
    if isinstance(reply, MusterError):
        if error_code(reply.__cause__) in _STALE:
            return [HandleOutcome.STALE] * count
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
