"""The words of the ledger as frozen values: states, deliveries, claims and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

#: A JSON object.
type_json = Mapping[str, Any]


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
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


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


@dataclass(frozen=True, kw_only=True, slots=True)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One requested job as understood from a message (`muster.normalise`)."""

    message_id: str
    job_id: str
    tenant: str = "default"
    #: None when the params stayed in the row and the message only names the job.
    params: type_json | None
    priority: str = "normal"
    source: str = Source.QUEUE
    scheduled_for: datetime | None = None
    traceparent: str | None = None
    hops: int = 0
    sent_at: datetime | None = None
    #: Fence of the failure this message is the dead letter of; None when it is no dead letter.
    dead_letter_fence: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A message that cannot become a job: it is recorded as failed and goes to the DLQ at once."""

    message_id: str
    job_id: str
    error: ErrorRecord
    tenant: str = "default"
    params: type_json | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An execution that this worker holds: it may write while `fence` is the highest."""

    execution_id: UUID
    #: Partition key of the row; together with the id it finds it.
    created_at: datetime
    job_id: str
    tenant: str
    agent_version: str
    fence: int
    #: Number of this attempt, from 1.
    attempt: int
    max_attempts: int
    params: type_json
    config: type_json
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
class Outcome:
    """How an attempt ended, to be settled under its claim."""

    claim: Claim
    #: PENDING is a retry, a snooze or a hand-back.
    status: Status
    result: Any = None
    #: `s3://bucket/key` when the result is too large for the row.
    result_ref: str | None = None
    error: ErrorRecord | None = None
    metrics: type_json = field(default_factory=dict[str, Any])
    #: Wait before the next attempt; only for PENDING.
    delay: timedelta = timedelta(0)
    #: True gives the attempt back (snooze, hand-back); the fence is never given back.
    refund: bool = False
    #: Why it was cancelled, or handed back.
    reason: str | None = None
