"""Calls an agent's function in a fresh child process: what a job does to its process ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from muster.errors import MusterError
from muster.isolation.caller import Ended
from muster.isolation.conversation import Conversation
from muster.isolation.ending import Ending, failure_of, memory_kills
from muster.isolation.environment import job_environment
from muster.isolation.fault import revived
from muster.isolation.folder import Sweep, job_folder
from muster.isolation.frame import encoded
from muster.isolation.guard import GRACE_SECONDS, KILL_SECONDS
from muster.isolation.processes import adopt_orphans, children, kill_all_below
from muster.job import Job
from muster.model import ErrorRecord

#: The child finds its modules where this process does, whatever led it there.
_BOOT = "import sys; sys.path[:] = sys.argv[4:]; from muster.isolation.guard import main; main()"


class InProcess:
    """A `Caller` of the agent in this folder, which this process never imports.

    Several threads may call it at once: each call has its own processes, pipes and folder, and no signal
    is used here. Each child gets, by pipe and never by environment, what its `Job` holds.

    Args:
        folder: of the agent, with `agent.py`.
        environ: of this process; Muster's own variables are kept from the job.
        memory_bytes: most private memory of a process of the job; None: as much as there is.
        parent: where each job's own folder is made; None: where temporary files go on this machine.
        sweep: a folder that belongs to this worker alone, such as Lambda's `/tmp`: what jobs left there is
            removed whenever none runs. What is there already when this is made stays. None: nothing is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environ: Mapping[str, str],
        memory_bytes: int | None = None,
        parent: Path | None = None,
        sweep: Path | None = None,
    ) -> None:
        self._folder = folder
        self._environ = environ
        self._memory_bytes = memory_bytes
        self._parent = parent
        self._sweep = None if sweep is None else Sweep(sweep)
        self._lock = threading.Lock()
        self._guards: set[int] = set()
        self._calls = 0
        adopt_orphans()

    @property
    def overhead(self) -> timedelta:
        """See `muster.isolation.caller.Caller.overhead`."""
        return timedelta(seconds=GRACE_SECONDS + KILL_SECONDS)

    def call(self, job: Job, *, limit: timedelta) -> Ended:
        """See `muster.isolation.caller.Caller.call`."""
        with self._lock:
            self._calls += 1
        try:
            with job_folder(self._parent) as place:
                return self._converse(job, place=place, limit=limit)
        finally:
            with self._lock:
                self._calls -= 1
                if self._sweep is not None and self._calls == 0:
                    self._sweep.sweep()

    def _converse(self, job: Job, *, place: Path, limit: timedelta) -> Ended:
        kills = memory_kills()
        others = children()
        with ExitStack() as ours:
            with ExitStack() as theirs:
                ask, to_worker = _pipe(ours, theirs)
                from_worker, answer = _pipe(theirs, ours)
                verdict, to_verdict = _pipe(ours, theirs)
                guard = self._start(place, (to_worker, from_worker, to_verdict))
                ours.callback(self._end, guard, others)
            talk = Conversation(
                job, guard=guard, ask=ask, answer=answer, verdict=verdict, limit=limit
            )
            talk.hold(self._told(job))
        ending = Ending.of(talk.word)
        error, record = _error(talk, ending, out_of_memory=memory_kills() > kills)
        return Ended(
            result=None if error is not None or talk.last is None else talk.last["result"],
            error=error,
            record=record,
            cpu_seconds=ending.cpu_seconds,
            memory_bytes=ending.memory_bytes,
        )

    def _start(self, place: Path, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
        # Unbuffered: what it printed until it was killed shall be read.
        command = [sys.executable, "-I", "-u", "-c", _BOOT, *map(str, descriptors)]
        # Nothing else of this process may start a child between this one's start and its entry.
        with self._lock:
            guard = subprocess.Popen(  # noqa: S603 - this very interpreter
                [*command, *(str(Path(entry).resolve()) for entry in sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                cwd=place / "home",
                env=job_environment(self._environ, folder=place),
                start_new_session=True,
            )
            self._guards.add(guard.pid)
        return guard

    def _told(self, job: Job) -> bytes:
        message: dict[str, Any] = {
            "folder": str(self._folder.resolve()),
            "memory_bytes": self._memory_bytes,
            "id": job.id,
            "params": job.params,
            "config": job.config,
            "secrets": job.secrets,
            "attempt": job.attempt,
            "tenant": job.tenant,
            "traceparent": job.traceparent,
            "deadline": None if job.deadline is None else job.deadline.isoformat(),
            "level": job.log.getEffectiveLevel(),
            "state": job.state,
            "outbound": asdict(job.outbound),
        }
        return encoded(message)

    def _end(self, guard: subprocess.Popen[bytes], others: AbstractSet[int]) -> None:
        """Leave nothing of a call behind, whatever became of its guard."""
        for pipe in (guard.stdin, guard.stdout, guard.stderr):
            if pipe is not None:
                pipe.close()
        try:
            guard.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            kill_all_below(guard.pid, seconds=KILL_SECONDS)
            guard.kill()
            guard.wait()
        with self._lock:
            self._guards.discard(guard.pid)
            if guard.returncode != 0:
                self._end_strays(others)

    def _end_strays(self, others: AbstractSet[int]) -> None:
        """What a job that killed its guard left, this process adopted: end and bury it.

        Children that this process had before the call are not the job's.
        """
        # Again, since whoever is buried leaves its own dead children to this process.
        while strays := children() - others - self._guards:
            for stray in strays:
                kill_all_below(stray, seconds=KILL_SECONDS)
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(stray, signal.SIGKILL)
                    os.waitpid(stray, 0)


def _pipe(reader: ExitStack, writer: ExitStack) -> tuple[int, int]:
    """The reading and the writing end, each closed with its stack."""
    ends = os.pipe()
    reader.callback(os.close, ends[0])
    writer.callback(os.close, ends[1])
    return ends


def _error(
    talk: Conversation, ending: Ending, *, out_of_memory: bool
) -> tuple[MusterError | None, ErrorRecord | None]:
    if talk.last is not None:
        return revived(talk.last["fault"]) if talk.last["kind"] == "fault" else (None, None)
    return talk.reason or failure_of(ending, out_of_memory=out_of_memory), None
