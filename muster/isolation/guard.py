"""The process between a worker and a job: it starts the job, and outlives everything that the job started.

It adopts what daemonizes, so it knows exactly what belongs to this one job; the worker runs others beside it.
Its standard input is its lifeline: when the worker lets go of it, to stop the job or because it died, the
guard ends the job: SIGTERM, a moment, SIGKILL for all. Its last word says how the job's process ended.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from types import FrameType

from muster.isolation.processes import adopt_orphans, kill_all_below

#: Time between SIGTERM and SIGKILL, in seconds.
GRACE_SECONDS = 1.0

#: How long what was killed may take to end, in seconds.
KILL_SECONDS = 2.0

#: Bytes that ru_maxrss counts in.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(slots=True)
class _Reaped:
    """What is known of the processes that ended."""

    job: int
    #: As `os.waitpid` gives it; None while the job runs.
    status: int | None = None
    cpu_seconds: float = 0.0
    memory_bytes: int = 0

    def reap(self) -> None:
        """Take note of all that ended by now."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.cpu_seconds += usage.ru_utime + usage.ru_stime
            self.memory_bytes = max(self.memory_bytes, usage.ru_maxrss * _RSS_UNIT)
            if pid == self.job:
                self.status = status


def main() -> None:
    """Start the job and watch it. Arguments: file descriptors to ask, of the answers, of the verdict."""
    ask, answer, verdict = (int(text) for text in sys.argv[1:4])
    for descriptor in (ask, answer, verdict):
        os.set_inheritable(descriptor, False)
    adopt_orphans()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _wake_up)
    job = os.fork()
    if job == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (verdict, woken, wake):
            os.close(descriptor)
        from muster.isolation.job_process import run

        run(ask, answer)
    os.close(ask)
    os.close(answer)
    reaped = _Reaped(job=job)
    _watch(reaped, woken=woken)
    clean = kill_all_below(os.getpid(), seconds=KILL_SECONDS)
    reaped.reap()
    word = {
        "status": reaped.status,
        "cpu_seconds": reaped.cpu_seconds,
        "memory_bytes": reaped.memory_bytes,
        "clean": clean,
    }
    os.write(verdict, json.dumps(word).encode())
    os._exit(0)  # nothing here wants an ending, and the job's pipes must close now


def _watch(reaped: _Reaped, *, woken: int) -> None:
    """Return once the job's process ended, or was told to and did not in time."""
    lifeline: list[int] = [sys.stdin.fileno()]
    until: float | None = None
    while True:
        reaped.reap()
        if reaped.status is not None:
            return
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return
        ready, _, _ = select.select([woken, *lifeline], [], [], left)
        if woken in ready:
            os.read(woken, 4096)
        if lifeline and lifeline[0] in ready:
            lifeline = []
            until = time.monotonic() + GRACE_SECONDS
            _terminate(reaped.job)


def _wake_up(_signal: int, _frame: FrameType | None) -> None:
    """Nothing more: a handler has to be there for the wake-up to be written."""


def _terminate(job: int) -> None:
    try:
        os.killpg(job, signal.SIGTERM)
    except ProcessLookupError:
        # It did not come as far as its own process group.
        os.kill(job, signal.SIGTERM)
