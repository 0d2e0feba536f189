"""What follows a failed attempt: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from muster.errors import Cancelled, PermanentError, RetryLater
from muster.model import Status

#: Backoff before the second attempt is at most this; it doubles with every further one.
FIRST_BACKOFF = timedelta(seconds=2)

#: Longest backoff.
LONGEST_BACKOFF = timedelta(hours=1)

#: Longest wait that a message sits out in its queue; after a longer one the relay sends the job again.
LONGEST_IN_QUEUE = timedelta(minutes=15)

#: Longest wait that an agent may ask for; what asks for more waits this long.
LONGEST_WAIT = timedelta(days=365)

#: How long past its due time a pending row waits for its message before the relay sends another.
RELAY_GRACE = timedelta(seconds=90)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """State to settle in, the event to log, and for a pending one the wait before its next attempt."""

    status: Status
    kind: str
    delay: timedelta = timedelta(0)
    #: Give the attempt back.
    refund: bool = False


def decide(error: BaseException, *, attempt: int, max_attempts: int, jitter: float) -> Decision:
    """Decide by the error's type and what is left of the budget.

    Args:
        jitter: uniform in [0, 1): full jitter, as "Exponential Backoff And Jitter" (AWS Architecture
            Blog) recommends.
    """
    if isinstance(error, Cancelled):
        return Decision(status=Status.CANCELLED, kind="cancelled")
    if isinstance(error, RetryLater) and error.snooze:
        wait = min(error.after, LONGEST_WAIT)
        return Decision(status=Status.PENDING, kind="snoozed", delay=wait, refund=True)
    if isinstance(error, PermanentError) or attempt >= max_attempts:
        return Decision(status=Status.FAILED, kind="failed")
    delay = (
        error.after if isinstance(error, RetryLater) else backoff(attempt=attempt, jitter=jitter)
    )
    return Decision(status=Status.PENDING, kind="retried", delay=min(delay, LONGEST_WAIT))


def backoff(*, attempt: int, jitter: float) -> timedelta:
    """Wait after this attempt (from 1): uniform between zero and a doubling bound."""
    bound = min(FIRST_BACKOFF * 2 ** min(attempt - 1, 20), LONGEST_BACKOFF)
    return bound * jitter


def relay_delay(delay: timedelta) -> timedelta:
    """From now until the relay sends the job again: at its due time when no message carries it."""
    return delay if delay > LONGEST_IN_QUEUE else delay + RELAY_GRACE
