"""An agent whose every attempt fails."""

from __future__ import annotations

from muster import Job, RetryLater, agent


@agent
def fail(job: Job) -> None:
    """Fail; the second attempt comes after a second, and is the last.

    Raises:
        RetryLater: always.
    """
    raise RetryLater(f"attempt {job.attempt} failed, as every attempt of this agent does", after=1)
