"""Ports: what the runtime asks of SQS, S3 and Secrets Manager, and exactly what it may rely on.

Adapters live in `muster/aws/`; the in-memory ones of the tests pass the same conformance suite.

No port promises exactly once. A call that reports an error may still have had its effect (the reply
was lost), and a call that reports success may be repeated by the network below it. So a caller never
infers from a delete or a visibility change that a message is gone or held: the ledger decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from muster.errors import ConfigurationError, MusterError, PermanentError, RetryableError
from muster.model import Message

_T = TypeVar("_T")

#: Longest delay that SQS gives to one message.
MAX_DELAY = timedelta(minutes=15)

#: Longest time that SQS keeps a message invisible, counted from its receive.
MAX_VISIBILITY = timedelta(hours=12)


class ObjectMissing(PermanentError):
    """There is no such object, or no such version of it."""

    code = "object_missing"


class ObjectTooLarge(PermanentError):
    """The object is larger than its reader allows."""

    code = "object_too_large"


class ObjectsUnavailable(RetryableError):
    """S3 could not be reached, or refused the call for now."""

    code = "objects_unavailable"


class SecretMissing(ConfigurationError):
    """There is no such secret; once somebody creates it another attempt succeeds."""

    code = "secret_missing"


class SecretsUnavailable(RetryableError):
    """Secrets Manager could not be reached, or refused the call for now."""

    code = "secrets_unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One message to send."""

    body: str
    #: String attributes, name to value, at most 10. What SQS refuses of them is mended, since they only
    #: annotate: an empty value is left out, forbidden control characters become U+FFFD.
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    #: How long the message stays hidden: 0 s to MAX_DELAY, whole seconds, fractions are dropped.
    delay: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What is known of one message after `send_batch`."""

    #: Set when SQS said that it stored the message.
    message_id: str | None = None
    #: Set otherwise. A RetryableError means *unknown*: the message may be in the queue all the same.
    #: A PermanentError means that SQS refused this message and always will.
    error: MusterError | None = None

    @property
    def ok(self) -> bool:
        return self.message_id is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready(Generic[_T]):
    """A call that is made, and not sent yet. It is sent once, in one of two ways."""

    #: Sends it and waits for the answer.
    send: Callable[[], _T]
    #: Sends it; calling what is returned, once, waits for the answer, and sends again what has to be. None:
    #: nothing was sent, since nothing says that the other side can be reached; `send` finds out.
    post: Callable[[], Callable[[], _T] | None]


class HandleOutcome(StrEnum):
    """What SQS said about one receipt handle. For the caller, all three mean: not proven."""

    #: 200. Standard queues may still deliver the message again.
    ACCEPTED = "accepted"
    #: Refused: the message was received again since, deleted, held for 12 h, or its queue replaced.
    STALE = "stale"
    #: No usable answer (timeout, throttle, 5xx): it may or may not have happened.
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visibility:
    """A wish to make one received message visible again after a while."""

    receipt_handle: str
    #: From now; 0 s is at once. Cut to MAX_VISIBILITY, fractions of a second are rounded up.
    after: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """How many messages a queue holds; SQS calls all three approximate, up to a minute behind."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


class Queues(Protocol):
    """SQS standard queues, named by their URL. Order is not kept; messages may come twice."""

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        """Send any number of messages; one result per entry, in the order given.

        At least once: a message whose reply was lost is sent again, and may then be in the queue
        twice, so the body has to name its job. Entries that fail are sent again alone, a bounded
        number of times; neighbours are not repeated. Once a whole call fails, the entries after it
        are not tried and carry the same error. Never raises for what SQS answers: a queue that is
        missing or forbidden shows as `ConfigurationError` in the results.

        Raises:
            ValueError: a delay is outside 0 s .. MAX_DELAY.
        """
        ...

    def prepare(self, queue_url: str, entries: Sequence[Outgoing]) -> Ready[list[Sent]]:
        """`send_batch` in two steps: whatever can be done ahead, and the rest, within a minute.

        Raises:
            ValueError: a delay is outside 0 s .. MAX_DELAY.
        """
        ...

    def receive(
        self,
        queue_url: str,
        *,
        max_messages: int = 10,
        wait: timedelta = timedelta(seconds=20),
        visibility: timedelta | None = None,
    ) -> list[Message]:
        """Up to `max_messages`; an empty list when none came within `wait` (0 s to 20 s).

        SQS gives up to 10 at a time: for more it is asked several times, each with that wait.

        What was received is hidden for `visibility` (None: the queue's own), whether or not the
        reply arrived here.

        Raises:
            QueueUnavailable: no answer, or refused for now; nothing is lost.
            ConfigurationError: the queue is missing or forbidden.
        """
        ...

    def change_visibility_batch(
        self, queue_url: str, changes: Sequence[Visibility]
    ) -> list[HandleOutcome]:
        """One outcome per change, in order; every outcome is to be treated as unknown.

        Raises:
            ConfigurationError: the queue is missing or forbidden.
        """
        ...

    def delete_batch(self, queue_url: str, receipt_handles: Sequence[str]) -> list[HandleOutcome]:
        """One outcome per handle, in order; every outcome is to be treated as unknown.

        ACCEPTED does not prove that the message is gone, STALE does not prove that it is still
        there: a deleted message can be delivered again, and the ledger must then recognise it.

        Raises:
            ConfigurationError: the queue is missing or forbidden.
        """
        ...

    def depth(self, queue_url: str) -> Depth:
        """Approximate number of messages.

        Raises:
            QueueUnavailable: no answer, or refused for now.
            ConfigurationError: the queue is missing or forbidden.
        """
        ...


class Objects(Protocol):
    """S3 objects, named by bucket and key."""

    def get(self, bucket: str, key: str, *, max_bytes: int, version_id: str | None = None) -> bytes:
        """The object's whole content, of one version even if it is replaced meanwhile.

        Never reads more than `max_bytes` + 1 bytes.

        Raises:
            ObjectMissing: permanent; no such object, version or bucket.
            ObjectTooLarge: permanent; more than `max_bytes`.
            ObjectsUnavailable: no answer, or refused for now.
            ConfigurationError: reading is forbidden.
        """
        ...

    def put_json(self, bucket: str, key: str, value: Any) -> str:
        """Store `value` as JSON and return its `s3://bucket/key`.

        Whole or not at all; the last writer wins. After an error the object may exist.

        Raises:
            ValueError: the value is no JSON (NaN and Infinity are none).
            ObjectsUnavailable: no answer, or refused for now; whether it was stored is unknown.
            ConfigurationError: the bucket is missing or writing is forbidden.
        """
        ...


class Secrets(Protocol):
    """Secrets by name or ARN."""

    def get(self, name: str) -> Mapping[str, Any]:
        """The JSON object as last read by this process: it may have been rotated since.

        Raises:
            SecretsUnavailable: not in the cache, and no answer or refused for now.
            ConfigurationError: the secret is missing, forbidden or no JSON object.
        """
        ...

    def refresh(self, name: str) -> Mapping[str, Any]:
        """Read again and replace the cached value; on an error the cached value stays.

        Raises: as `get`.
        """
        ...

    def text(self, name: str) -> str:
        """The text as it is now; never cached.

        Raises:
            SecretsUnavailable: no answer, or refused for now.
            SecretMissing: there is none; the message has the command that creates it.
            ConfigurationError: the secret is forbidden, or holds bytes.
        """
        ...
