"""One job of the demo, and what must become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from muster.model import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedJob:
    """A message to send, and the record it must leave."""

    #: What is being shown, for people.
    what: str
    agent: str
    body: str
    #: None: the message's own id will be the job id.
    job_id: str | None
    #: The queue of the agent that it is sent to.
    lane: str = "normal"
    status: Status = Status.COMPLETED
    #: Exact number of attempts; None when it may vary.
    attempts: int | None = 1
    #: Keys and values that the result must hold.
    result: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: Start of the reason in the dead-letter queue; None: it must not be there.
    reason: str | None = None
    #: How often the message is sent.
    copies: int = 1

    def sent_as(self, message_id: str) -> Self:
        """The job with the id that its record will bear."""
        return self if self.job_id is not None else replace(self, job_id=message_id)
