"""How a call ends that the agent's function did not end itself: each said as what it was."""

from __future__ import annotations

from datetime import timedelta

from muster.errors import JobTimeout, RetryableError


class JobKilled(RetryableError):
    """A signal ended the job's process."""

    code = "killed"


class JobOutOfMemory(RetryableError):
    """The job needed more memory than it may have."""

    code = "out_of_memory"


class JobExited(RetryableError):
    """The job's process ended before its function returned."""

    code = "exited"


class OutputTooLarge(RetryableError):
    """The job wrote more than is read from it."""

    code = "output_too_large"


class ProtocolBroken(RetryableError):
    """The job wrote what is no message into the pipe to its worker."""

    code = "protocol_broken"


def timed_out(limit: timedelta) -> JobTimeout:
    """What a job that was stopped at its timeout ended with."""
    return JobTimeout(
        f"it ran longer than its timeout of {limit.total_seconds():g} s; raise `timeout` in "
        "agent.toml, or save progress with job.checkpoint()"
    )
