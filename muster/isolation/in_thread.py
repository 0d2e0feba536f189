"""Calls an agent's function in the thread of its worker: nothing is isolated, and nothing costs less."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from muster.crashpoint import CrashPointReached
from muster.execution.deadline import DeadlineReached, deadline
from muster.isolation.caller import Ended
from muster.isolation.failure import timed_out
from muster.job import Job

#: Bytes that ru_maxrss counts in.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class InThread:
    """A `Caller` of this function."""

    def __init__(self, function: Callable[[Job], Any]) -> None:
        self._function = function

    @property
    def overhead(self) -> timedelta:
        """See `muster.isolation.caller.Caller.overhead`."""
        return timedelta(0)

    def call(self, job: Job, *, limit: timedelta) -> Ended:
        """See `muster.isolation.caller.Caller.call`."""
        cpu = time.process_time()
        result: Any = None
        error: BaseException | None = None
        try:
            with deadline(limit):
                result = self._function(job)
        except DeadlineReached:
            error = timed_out(limit)
        except CrashPointReached:
            raise
        except BaseException as raised:  # noqa: BLE001 - agents raise anything, and the others must run
            error = raised
        return Ended(
            result=result,
            error=error,
            cpu_seconds=time.process_time() - cpu,
            memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT,
        )
