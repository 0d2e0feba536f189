"""An agent whose third attempt is the charm."""

from __future__ import annotations

from muster import Job, RetryLater, agent


@agent
def succeed_at_last(job: Job) -> dict[str, int]:
    """Say which attempt it was.

    Raises:
        RetryLater: on the first two attempts.
    """
    if job.attempt <= 2:
        raise RetryLater(f"attempt {job.attempt}: the third will do", after=1)
    return {"attempt": job.attempt}
