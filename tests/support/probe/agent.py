"""What the listener's tests run: a job does what its params say, and leaves its effects in Postgres."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2

from muster import Job, PermanentError, RetryLater, agent


@agent
def probe(job: Job) -> Any:
    """Do what `params.do` names."""
    return _DEEDS[job.params.get("do", "effect")](job)


def _effect(job: Job) -> Any:
    _leave(job, 0)
    return {"attempt": job.attempt}


def _steps(job: Job) -> Any:
    """Each step has its effect, and is then checkpointed; before step `stops` is the gate."""
    for step in range(job.state or 0, job.params["steps"]):
        if step == job.params.get("stops"):
            _pass_gate(job)
        _leave(job, step)
        job.checkpoint(step + 1)
        _wait(job.params.get("seconds", 0.1))
    return {"attempt": job.attempt, "resumed": job.state is not None}


def _sleep(job: Job) -> Any:
    """As a program that can be interrupted; the effect comes last. A later attempt may take `later`."""
    _leave(job, -job.attempt)
    seconds = job.params.get("seconds", 0)
    if job.attempt == 1:
        _pass_gate(job)
    _wait(seconds if job.attempt == 1 else job.params.get("later", seconds))
    return _effect(job)


def _swallow(job: Job) -> Any:
    """Cannot be stopped by anything that Python raises."""
    _leave(job, -job.attempt)
    end = time.monotonic() + job.params["seconds"]
    while time.monotonic() < end:
        with suppress(BaseException):  # what is raised between two sleeps
            while time.monotonic() < end:
                with suppress(BaseException):
                    time.sleep(0.05)
    return _effect(job)


def _stray(job: Job) -> Any:
    """A thread of the job's own ends by an error."""
    thread = threading.Thread(target=lambda: {}["missing"])
    thread.start()
    thread.join()
    return _effect(job)


def _fail(job: Job) -> Any:
    raise PermanentError("it never works")


def _second(job: Job) -> Any:
    if job.attempt == 1:
        raise RetryLater("not yet", after=job.params.get("seconds", 0))
    return _effect(job)


class _Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _circular(_: Job) -> Any:
    error = ValueError("round and round")
    error.__cause__ = error
    raise error


def _raise(error: BaseException) -> Any:
    raise error


def _print(job: Job) -> Any:
    for _ in range(100):
        sys.stdout.write("x" * (1 << 20) + "\n")
    return _effect(job)


def _memory(_: Job) -> Any:
    return len(bytearray(1 << 40))


def _pass_gate(job: Job) -> None:
    """Wait for the file `gate`, where the job is told of one."""
    while "gate" in job.params and not Path(job.params["gate"]).exists():
        time.sleep(0.02)


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.02, seconds))


def _leave(job: Job, step: int) -> None:
    """An effect with a key of its own; a negative step only says that an attempt began."""
    connection = psycopg2.connect(os.environ["PROBE_DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO probe_effect (job_id, step) VALUES (%s, %s)"
                " ON CONFLICT (job_id, step) DO UPDATE SET times = probe_effect.times + 1",
                (job.id, step),
            )
    finally:
        connection.close()


_DEEDS: dict[str, Callable[[Job], Any]] = {
    "effect": _effect,
    "steps": _steps,
    "sleep": _sleep,
    "swallow": _swallow,
    "stray": _stray,
    "fail": _fail,
    "second": _second,
    "nothing": lambda _: None,
    "exit": lambda _: sys.exit(3),
    "interrupt": lambda _: _raise(KeyboardInterrupt()),
    "unspeakable": lambda _: _raise(_Unspeakable()),
    "circular": _circular,
    "os_exit": lambda _: os._exit(0),
    "segfault": lambda _: ctypes.string_at(0),
    "memory": _memory,
    "print": _print,
    "large": lambda _: "x" * (50 << 20),
    "nan": lambda _: float("nan"),
    "object": lambda _: object(),
    "odd_text": lambda _: {"text": "a\x00b\ud800c"},
}
