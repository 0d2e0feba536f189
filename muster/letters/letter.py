"""One message of a dead-letter queue: which failure it tells of, and what would be sent to run it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from muster.contracts import DeadLetterAttribute
from muster.message.envelope import DEFAULT_PRIORITY, DEFAULT_TENANT, envelope
from muster.model import Delivery, Message, Rejection
from muster.normalise import normalise

#: What a letter says that SQS itself moved here.
NO_REASON = "no reason given: SQS moved it here after too many receives"

_MARK = re.compile(r"[0-9a-fA-F-]{36}:([0-9]{1,18})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One job of a letter, as it goes back to a lane."""

    job_id: str
    tenant: str
    priority: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A dead letter as it was received."""

    message: Message
    agent_id: str
    #: Usually one; a message of S3 that SQS itself moved here may ask for several jobs, or for none.
    parcels: tuple[Parcel, ...]
    #: Of the failure that it tells of; None when SQS itself moved it here.
    fence: int | None

    @classmethod
    def of(cls, message: Message, *, agent_id: str) -> Self:
        """Understand a message in the DLQ of this agent."""
        mark = _MARK.fullmatch(message.attributes.get(DeadLetterAttribute.DEAD_LETTER, ""))
        jobs = normalise(message, agent_id=agent_id)
        if mark is not None:
            parcels = (_marked(message, jobs),)
        else:
            parcels = tuple(_unmarked(job, agent_id) for job in jobs)
        return cls(
            message=message,
            agent_id=agent_id,
            parcels=parcels,
            fence=int(mark[1]) if mark else None,
        )

    @property
    def told(self) -> Mapping[str, str]:
        """The attributes that tell of the failure."""
        return self.message.attributes

    @property
    def mark(self) -> str:
        """The failure; copies of one letter have the same."""
        return self.told.get(DeadLetterAttribute.DEAD_LETTER) or self.message.message_id

    @property
    def reason(self) -> str:
        """`code: message` of the error."""
        return self.told.get(DeadLetterAttribute.REASON, NO_REASON)

    @property
    def error_class(self) -> str | None:
        """Class of the error, where there was one."""
        return self.told.get(DeadLetterAttribute.ERROR_CLASS)

    @property
    def error(self) -> str:
        """The error in a word: its class, else its code, else who moved the letter."""
        return self.error_class or (
            self.reason.partition(":")[0] if self.fence is not None else "SQS"
        )

    @property
    def redrives(self) -> int:
        """How often the message itself was sent back; what the ledger counts is in the row."""
        count = self.told.get(DeadLetterAttribute.REDRIVES, "")
        return int(count) if count.isascii() and count.isdecimal() else 0

    @property
    def tenants(self) -> set[str]:
        """On whose behalf its jobs are."""
        return {parcel.tenant for parcel in self.parcels} or {DEFAULT_TENANT}


def _marked(message: Message, jobs: tuple[Delivery | Rejection, ...]) -> Parcel:
    """The job of a letter of ours goes back as it came: its body and its attributes name it."""
    job = jobs[0] if jobs else None
    return Parcel(
        job_id=message.attributes.get(DeadLetterAttribute.JOB)
        or (job.job_id if job else message.message_id),
        tenant=job.tenant if job else DEFAULT_TENANT,
        priority=job.priority if isinstance(job, Delivery) else DEFAULT_PRIORITY,
        body=message.body,
    )


def _unmarked(job: Delivery | Rejection, agent_id: str) -> Parcel:
    """Every send makes a new message id, so what took its id for the job's now has to name the job."""
    if isinstance(job, Rejection):
        return Parcel(
            job_id=job.job_id, tenant=job.tenant, priority=DEFAULT_PRIORITY, body=job.body
        )
    return Parcel(
        job_id=job.job_id,
        tenant=job.tenant,
        priority=job.priority,
        body=envelope(
            job_id=job.job_id,
            agent_id=agent_id,
            tenant=job.tenant,
            params=job.params,
            config=job.config,
            priority=job.priority,
            source=job.source,
            scheduled_for=job.scheduled_for,
            traceparent=job.traceparent,
            hops=job.hops,
        ),
    )
