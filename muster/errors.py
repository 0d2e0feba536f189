"""The error family: what an agent raises to steer its job, and what the runtime raises.

One base, and the type alone says what happens next: `RetryableError` is tried again while the budget
lasts, `PermanentError` never is, `Cancelled` ends the job without a failure.
"""

from __future__ import annotations

from datetime import timedelta


class MusterError(Exception):
    """Something went wrong in Muster."""

    #: Stable, machine-readable name of the error; stored as `error.code` of an execution.
    code = "error"

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])
        if code is not None:
            self.code = code


class RetryableError(MusterError):
    """The job failed in a way that another attempt may mend."""

    code = "retryable"


class RetryLater(RetryableError):
    """The job asks to be tried again after a delay.

    Args:
        after: seconds, or a timedelta, until the next attempt.
        snooze: when true the attempt is given back, so waiting costs nothing of the budget.
    """

    code = "retry_later"

    def __init__(
        self, message: str | None = None, *, after: float | timedelta, snooze: bool = False
    ) -> None:
        super().__init__(message)
        seconds = after.total_seconds() if isinstance(after, timedelta) else float(after)
        if seconds < 0:
            raise ValueError(f"RetryLater(after={seconds}): the delay must be 0 s or more")
        self.after = timedelta(seconds=seconds)
        self.snooze = snooze


class PermanentError(MusterError):
    """The job can never succeed: no further attempt is made."""

    code = "permanent"


class Cancelled(MusterError):
    """The job was called off: it ends as `cancelled`, not as `failed`."""

    code = "cancelled"


class JobTimeout(RetryableError):
    """The job ran past the timeout of its manifest."""

    code = "timeout"


class ConfigurationError(MusterError):
    """A setting is missing or wrong; the message names the cure."""

    code = "configuration"


class SecretRejected(RetryableError):
    """The other side refused a secret: the agent's secrets are read again before the next attempt."""

    code = "secret_rejected"


class StoreUnavailable(RetryableError):
    """Postgres could not be reached, or did not answer in time; nothing is known to be lost."""

    code = "store_unavailable"


class QueueUnavailable(RetryableError):
    """SQS could not be reached, or refused the call for now."""

    code = "queue_unavailable"
