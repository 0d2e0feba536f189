"""Listeners of tests: real processes, forked from one that has all imports, which are half of a start.

    python -m tests.support.nursery     reads one order a line on stdin, answers one line on stdout

`{"start": {...}}` forks a process that runs `ecs_listener` as `python -m` would, with that environment and
that log, and answers `{"pid": n}`; `{"end": pid}` waits for its end and answers `{"code": n}`, negative for a
signal. Tests that ask for `fresh` listeners, and the local cloud, load them from nothing.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from muster import crashpoint

ROOT = Path(__file__).parents[2]


class Child:
    """One process of a nursery, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._handle = os.pidfd_open(pid)  # readable once it has ended

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        return self.returncode if self.returncode is not None else self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, after so many seconds.
        """
        if self.returncode is None and self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("ecs_listener", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)  # not awaited yet, so nobody else has its number

    def kill(self) -> None:
        """End it now, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if poll.poll(None if timeout is None else timeout * 1000):
            self.returncode = self._nursery.end(self.pid)
            os.close(self._handle)
        return self.returncode


class Nursery:
    """Starts listeners; one for a whole process of tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,  # an interrupted run of tests ends it by the end of its orders
        )

    def start(self, environment: dict[str, str], log: Path) -> Child:
        """A listener that sees this environment only, and writes to this file."""
        log.touch()  # to be read at once
        order = {"environment": environment, "log": str(log)}
        return Child(self, self._ask({"start": order})["pid"])

    def end(self, pid: int) -> int:
        """The exit code of one that has ended."""
        return self._ask({"end": pid})["code"]

    def close(self) -> None:
        """End it, and whatever it started."""
        self._program.communicate()

    def _ask(self, order: dict[str, Any]) -> dict[str, int]:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        with self._lock:
            print(json.dumps(order), file=self._program.stdin, flush=True)
            return json.loads(self._program.stdout.readline())


@cache
def nursery() -> Nursery:
    """This process's own, started when it is first asked for."""
    started = Nursery()
    atexit.register(started.close)
    return started


def _load() -> None:
    """What every listener loads; nothing runs, and nothing is asked of the environment."""
    gc.disable()
    import botocore.session
    import psycopg2

    import ecs_listener.host
    import muster.aws.fast.opening
    from muster.aws.client import new_session

    loaded = (psycopg2, ecs_listener.host, muster.aws.fast.opening, botocore.session)
    assert all(loaded)
    new_session().create_client("sqs", region_name="us-east-1")  # reads botocore's files
    gc.freeze()


def _listen(environment: dict[str, str], log: str) -> int:
    """Be `python -m ecs_listener`; it ends its process itself."""
    inputs, outputs = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY)
    for source, target in ((inputs, 0), (outputs, 1), (outputs, 2)):
        os.dup2(source, target)
    os.close(inputs)
    os.close(outputs)
    os.environ.clear()
    os.environ.update(environment)
    crashpoint.arm(environment.get("MUSTER_CRASHPOINT"))
    try:
        runpy.run_module("ecs_listener", run_name="__main__", alter_sys=True)
    except BaseException:  # noqa: BLE001 - as the interpreter would, whatever it is
        traceback.print_exc()
        return 1
    return 0


def _serve() -> None:
    _load()
    alive: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            pid = os.fork()
            if pid == 0:
                os._exit(_listen(**order["start"]))
            alive.add(pid)
            answer = {"pid": pid}
        else:
            alive.discard(order["end"])
            answer = {"code": os.waitstatus_to_exitcode(os.waitpid(order["end"], 0)[1])}
        print(json.dumps(answer), flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
