"""A message and what it was understood to ask for: a job, or the reason why it is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from muster.model import Delivery, ErrorRecord, Message, Rejection
from muster.normalise import normalise
from muster.value import value


@value
class Arrival:
    """One job that a message of a batch asks for."""

    message: Message
    delivery: Delivery
    #: Why it is no job; it is recorded as failed without running anything.
    rejection: ErrorRecord | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Message id and job id."""
        return self.message.message_id, self.delivery.job_id

    def without_params(self) -> Self:
        """This arrival once the ledger said that nobody has the params it refers to."""
        return replace(
            self,
            delivery=replace(self.delivery, params={}, body=self.message.body),
            rejection=ErrorRecord(
                message="The message names a job without params, and no such job is recorded. "
                "Send the params along.",
                code="unknown_job",
                retryable=False,
            ),
        )


def arrivals_of(message: Message, *, agent_id: str) -> tuple[Arrival, ...]:
    """Understand one message sent to this agent; it may ask for several jobs, or for none."""
    return tuple(
        Arrival(message=message, delivery=understood)
        if isinstance(understood, Delivery)
        else Arrival(message=message, delivery=_recorded(understood), rejection=understood.error)
        for understood in normalise(message, agent_id=agent_id)
    )


def _recorded(rejection: Rejection) -> Delivery:
    return Delivery(
        message_id=rejection.message_id,
        job_id=rejection.job_id,
        tenant=rejection.tenant,
        params={},
        body=rejection.body,
        sent_at=rejection.sent_at,
        dead_letter_fence=rejection.dead_letter_fence,
    )
