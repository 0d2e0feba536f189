"""What a submitter took, as the benchmark reads it."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable


def timed(calls: int, work: Callable[[], None]) -> str:
    """Do the work; a line of JSON with its calls, its seconds, and the CPU seconds of this process."""
    before, started = _cpu(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - started, _cpu() - before
    return json.dumps({"calls": calls, "seconds": seconds, "cpu": cpu})


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
