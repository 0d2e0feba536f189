"""The job that does nothing."""

from __future__ import annotations

from muster import Job, agent


@agent
def nothing(job: Job) -> None:
    """Does nothing."""
