"""The words of the ledger as frozen values: states, deliveries, claims and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from muster.value import value

#: A JSON object.
JsonObject = Mapping[str, Any]


class Status(StrEnum):
    """States of an execution: pending -> running -> completed | failed | cancelled.

    A retry goes running -> pending. A redrive is the only way out of failed.
    """

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self is not Status.PENDING and self is not Status.RUNNING


class Source(StrEnum):
    """What started a job."""

    QUEUE = "queue"
    SCHEDULE = "schedule"
    S3 = "s3"
    WEBHOOK = "webhook"
    API = "api"


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRecord:
    """`error` of an execution."""

    message: str
    code: str
    retryable: bool
    stack: str | None = None
    error_class: str | None = None

    def to_json(self, *, at: datetime) -> dict[str, Any]:
        return {
            "message": self.message,
            "code": self.code,
            "class": self.error_class,
            "stack": self.stack,
            "timestamp": at.isoformat(),
            "retryable": self.retryable,
        }


@value
class Message:
    """One SQS message as received, whoever received it."""

    message_id: str
    receipt_handle: str
    body: str
    #: String attributes set by the sender, name to value.
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    #: When SQS first took it, from `SentTimestamp`.
    sent_at: datetime | None = None
    receive_count: int = 1


@value
class Delivery:
    """One requested job as understood from a message (`muster.normalise`)."""

    message_id: str
    job_id: str
    tenant: str = "default"
    #: None when the params stayed in the row and the message only names the job.
    params: JsonObject | None
    #: What the request sets of the agent's config; None when it says nothing.
    config: JsonObject | None = None
    priority: str = "normal"
    source: str = Source.QUEUE
    scheduled_for: datetime | None = None
    traceparent: str | None = None
    hops: int = 0
    sent_at: datetime | None = None
    #: Fence of the failure this message is the dead letter of; None when it is no dead letter.
    dead_letter_fence: int | None = None
    #: The message as it came, when it could not be understood; `params` is empty then.
    body: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A message that cannot become a job: it is recorded as failed and goes to the DLQ at once."""

    message_id: str
    job_id: str
    error: ErrorRecord
    #: The message as it came, or the part of it that is rejected.
    body: str
    tenant: str = "default"
    sent_at: datetime | None = None
    #: Fence of the failure this message is the dead letter of; None when it is no dead letter.
    dead_letter_fence: int | None = None


@value
class Claim:
    """An execution that this worker holds: it may write while `fence` is the highest."""

    execution_id: str
    #: Partition key of the row; together with the id it finds it.
    created_at: datetime
    agent_id: str
    job_id: str
    tenant: str
    agent_version: str
    fence: int
    #: Number of this attempt, from 1.
    attempt: int
    max_attempts: int
    params: JsonObject
    #: What the request set of the agent's config.
    config: JsonObject | None = None
    state: Any
    #: The last attempt vanished without a settle: run it alone.
    suspect: bool
    message_id: str
    priority: str
    source: str
    traceparent: str | None
    hops: int
    #: When the message arrived; latency counts from here.
    queued_at: datetime
    lease_expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimant:
    """Who claims: the deployed agent and the process that runs it."""

    agent_id: str
    agent_version: str
    max_attempts: int
    worker: str
    log_stream: str | None = None
    code_version: str | None = None


class Verdict(StrEnum):
    """What the ledger says of a delivery."""

    TAKEN = "taken"  # this worker holds it
    EXHAUSTED = "exhausted"  # its last attempt vanished and none is left: it was settled failed
    CANCELLED = "cancelled"  # called off, or its agent is disabled
    DEFERRED = "deferred"  # the same message came back too early
    DUPLICATE = "duplicate"  # finished, or carried by another message
    REDELIVERED = "redelivered"  # finished; the delete of this very message was lost
    QUEUED = (
        "queued"  # waits for another run of its schedule to end: the dispatcher sends it again then
    )
    UNKNOWN = "unknown"  # it names a job whose params nobody has


@value
class Judgement:
    """The ledger's answer to one delivery."""

    message_id: str
    verdict: Verdict
    #: Set for TAKEN.
    claim: Claim | None = None
    #: A failure whose dead letter is still to be sent.
    failure: Failure | None = None
    #: For DEFERRED: how long until the message may be looked at again.
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A failed execution as its dead letter tells it."""

    execution_id: str
    created_at: datetime
    fence: int
    agent_id: str
    job_id: str
    tenant: str
    attempts: int
    params: JsonObject
    config: JsonObject | None = None
    #: The message as it came, when it could not be understood.
    body: str | None
    #: `error` of the row: message, code, class.
    error: JsonObject
    priority: str
    source: str
    traceparent: str | None
    hops: int


@value
class Outcome:
    """How an attempt ended, to be settled under its claim."""

    claim: Claim
    #: PENDING is a retry, a snooze or a hand-back.
    status: Status
    #: The event that is logged: completed, failed, cancelled, retried, snoozed or handed_back.
    kind: str
    result: Any = None
    #: `s3://bucket/key` when the result is too large for the row.
    result_ref: str | None = None
    error: ErrorRecord | None = None
    metrics: JsonObject = field(default_factory=dict[str, Any])
    #: Version of the operator's changes that the attempt ran with; None when it did not run.
    config_version: int | None = None
    #: Wait before the next attempt; only for PENDING.
    delay: timedelta = timedelta(0)
    #: Only for PENDING: from now until the relay sends the job again, should its message be lost by then.
    relay_delay: timedelta = timedelta(0)
    #: True gives the attempt back (snooze, hand-back); the fence is never given back.
    refund: bool = False
    #: Why it was cancelled, or handed back.
    reason: str | None = None
    #: The last of what the attempt logged.
    log: str | None = None
