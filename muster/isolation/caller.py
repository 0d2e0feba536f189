"""The one way in which hosts call an agent's function, wherever it then runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from muster.job import Job
from muster.model import ErrorRecord
from muster.value import value


@value
class Ended:
    """How a call ended: with a result, or with an error."""

    result: Any = None
    #: None: `result` is what the function returned. The type decides what follows (`muster.retry.decide`).
    error: BaseException | None = None
    #: What the row says of `error`, where it was raised in another process; None: made from `error`.
    record: ErrorRecord | None = None
    #: CPU time that the call took, its child processes included.
    cpu_seconds: float = 0.0
    #: Most memory that the process that ran it ever held.
    memory_bytes: int = 0


class Caller(Protocol):
    """Calls the function of one agent.

    Implementations:
        `muster.isolation.in_thread.InThread(function)`: here and now. Its deadline works in the main
            thread only (SIGALRM); a host with threads stops them by a means of its own.
        `muster.isolation.in_process.InProcess(folder, ...)`: a fresh child process for each call, which
            is killed at its deadline with everything that it started. Threads may share one and call it
            at the same time; it uses no signals. The parent never imports the agent.

    The `Job` is the whole interface: what the function does with `job.log`, `job.checkpoint`,
    `job.count` and `job.database.run` happens in the calling thread, on the objects that the job holds,
    also where the function runs in a child (which holds neither a connection nor a password).
    """

    @property
    def overhead(self) -> timedelta:
        """What a call that is stopped may take beyond its limit."""
        ...

    def call(self, job: Job, *, limit: timedelta) -> Ended:
        """Run the function for at most `limit`. Whatever it does, this returns how it ended.

        A call that was stopped at `limit` ended with `JobTimeout`.

        Raises:
            CrashPointReached: a test lets this worker die here.
        """
        ...
