"""How a job's process ended, said as what it was."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from muster.errors import RetryableError
from muster.isolation.failure import JobExited, JobKilled, JobOutOfMemory

_VMSTAT = Path("/proc/vmstat")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The guard's last word."""

    #: As `os.waitpid` gives it; None: the guard was killed, or could not end the job in time.
    status: int | None = None
    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    #: Whether everything that the job started is gone.
    clean: bool = False

    @classmethod
    def of(cls, word: bytes) -> Ending:
        """Read it; what is no last word says nothing."""
        try:
            return cls(**json.loads(word))
        except (ValueError, TypeError):
            return cls()


def failure_of(ending: Ending, *, out_of_memory: bool) -> RetryableError:
    """The error of a job that ended without a result.

    Args:
        out_of_memory: the kernel had to end a process for want of memory meanwhile.
    """
    status = ending.status
    if status is None:
        return JobKilled("the processes of the job were killed, and nobody could say by what")
    if os.WIFEXITED(status):
        return JobExited(
            f"the job's process exited with {os.WEXITSTATUS(status)} before its function returned; return "
            "from the function instead, and look at the log for what made it exit"
        )
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL and out_of_memory:
        return JobOutOfMemory(
            "the job was killed for want of memory; raise `memory` in agent.toml, or do less at once"
        )
    return JobKilled(f"the job's process was killed by {_name(number)}; its log may hold a stack")


def memory_kills() -> int:
    """Processes that the kernel killed for want of memory since it started; 0 where it does not say."""
    try:
        lines = _VMSTAT.read_text("ascii").splitlines()
    except OSError:
        return 0
    counts = dict(line.split() for line in lines)
    return int(counts.get("oom_kill", 0))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
