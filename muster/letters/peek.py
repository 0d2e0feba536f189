"""Looks into a dead-letter queue and puts everything back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.contracts import DeadLetterAttribute
from muster.letters.letter import NO_REASON, Letter
from muster.letters.scan import Scan
from muster.letters.selection import EVERYTHING, Selection
from muster.model import Message
from muster.ports import Queues


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """One failure; SQS may hold several copies of it."""

    agent_id: str
    job_id: str | None
    execution_id: str | None
    reason: str
    error_class: str | None
    attempts: int | None
    sent_at: datetime | None
    message_id: str
    copies: int
    body: str

    @classmethod
    def from_messages(cls, messages: list[Message], *, agent_id: str) -> DeadLetter:
        """The failure that all these messages are copies of."""
        first = messages[0]
        told = first.attributes
        attempts = told.get(DeadLetterAttribute.ATTEMPTS, "")
        mark = told.get(DeadLetterAttribute.DEAD_LETTER)
        return cls(
            agent_id=told.get(DeadLetterAttribute.AGENT, agent_id),
            job_id=told.get(DeadLetterAttribute.JOB),
            execution_id=mark.partition(":")[0] if mark else None,
            reason=told.get(DeadLetterAttribute.REASON, NO_REASON),
            error_class=told.get(DeadLetterAttribute.ERROR_CLASS),
            attempts=int(attempts) if attempts.isdecimal() else None,
            sent_at=first.sent_at,
            message_id=first.message_id,
            copies=len(messages),
            body=first.body,
        )


def peek(
    queues: Queues,
    queue_url: str,
    *,
    agent_id: str,
    limit: int,
    selection: Selection = EVERYTHING,
    seconds: float | None = None,
) -> list[DeadLetter]:
    """Up to `limit` selected messages of a dead-letter queue as failures, oldest first.

    The messages are hidden from others while this runs, and visible again when it returns.

    Raises:
        QueueUnavailable: no answer from SQS.
        ConfigurationError: the queue is missing or forbidden.
    """
    chosen: list[Message] = []
    with Scan(queues, queue_url, batch=limit, seconds=seconds) as scan:
        for messages in scan.batches():
            letters = [Letter.of(message, agent_id=agent_id) for message in messages]
            chosen += [letter.message for letter in letters if selection.takes(letter)]
            if len(chosen) >= limit:
                break
    failures: dict[str, list[Message]] = {}
    for message in chosen[:limit]:
        failures.setdefault(_failure(message), []).append(message)
    found = [DeadLetter.from_messages(copies, agent_id=agent_id) for copies in failures.values()]
    return sorted(found, key=lambda letter: letter.sent_at.timestamp() if letter.sent_at else 0)


def _failure(message: Message) -> str:
    return message.attributes.get(DeadLetterAttribute.DEAD_LETTER) or message.message_id
