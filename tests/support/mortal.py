"""Worker processes that die on order: each a real process of its own, forked from one that has all imports.

    python -m tests.support.mortal      reads one order a line on stdin, answers one line on stdout

`{"start": {...}}` forks a process for a `Life` and answers `{"pid": n}`; `{"wait": pid}` answers
`{"code": n}` once it has ended, negative for a signal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from muster import crashpoint
from muster.aws.sqs import Queues
from muster.errors import PermanentError
from muster.job import Job
from muster.ports import Visibility
from tests.support.emulator import session
from tests.support.waiting import wait_until
from tests.support.worker import Workshop

#: Exit code of a process that ended by an exception.
RAISED = 70


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One process: what it does, on which parts, and where it dies."""

    url: str
    endpoint_url: str
    lane: str
    dlq: str
    #: `worker` processes one batch, `consumer` also does with its messages what it says, `dispatcher` does
    #: one tick.
    role: str
    #: As `MUSTER_CRASHPOINT` takes it.
    crashpoint: str
    #: File that it leaves behind: receipt handles at first, its log when it ends.
    report: str
    #: Longest run of an attempt.
    timeout_seconds: float = 5.0


class SqsWorkshop(Workshop):
    """A workshop whose queues are the emulator's, and so outlive its processes."""

    def __init__(self, life: Life, *, founder: bool) -> None:
        self._life = life
        self._founder = founder
        self._letters: list[Mapping[str, str]] = []
        super().__init__(
            life.url,
            behaviour=lambda job: behave(self, job),
            timeout=timedelta(seconds=life.timeout_seconds),
        )

    def _open_queues(self) -> None:
        self.queues = Queues(client=sqs_client(self._life.endpoint_url))
        self.lane, self.dlq = self._life.lane, self._life.dlq
        self.task_events: str | None = None  # no ECS tells these processes of its tasks

    def _set_up(self) -> None:
        if self._founder:
            super()._set_up()

    def letters(self) -> list[Mapping[str, str]]:
        """Everything that ever was in the DLQ: it is emptied to look at it."""
        while messages := self.queues.receive(self.dlq, wait=timedelta(0)):
            self._letters += [message.attributes for message in messages]
            self.queues.delete_batch(self.dlq, [message.receipt_handle for message in messages])
        return self._letters

    def lane_jobs(self) -> list[str]:
        """SQS does not show what is hidden: as many unknown jobs as there are messages."""
        return ["?"] * self.queues.depth(self.lane).total

    def moved_letters(self) -> list[Mapping[str, str]]:
        """None: these workshops redrive nothing."""
        return []

    def live(self) -> None:
        """What the process does until it dies."""
        if self._life.role == "dispatcher":
            report = self.tick(holder="mortal")
            Path(self._life.report).write_text(json.dumps({"failed": report.failed}))
            return
        if self._life.role == "consumer":
            wait_until(lambda: self.queues.depth(self.lane).visible > 0)
            self.deliver()
            return
        messages = self.queues.receive(self.lane, wait=timedelta(seconds=5))
        handles = [message.receipt_handle for message in messages]
        Path(self._life.report).write_text(json.dumps({"handles": handles}))
        self.worker(worker="mortal").process(messages, time_left=timedelta(seconds=60))
        report = {"handles": handles, "fenced": self.metrics.counts["FencedWrites"]}
        Path(self._life.report).write_text(json.dumps(report))

    def release(self, handles: list[str]) -> None:
        """The visibility of these messages ends."""
        changes = [Visibility(receipt_handle=h, after=timedelta(0)) for h in handles]
        self.queues.change_visibility_batch(self.lane, changes)


@cache
def sqs_client(endpoint_url: str) -> Any:
    """One client a process: making it costs more than a whole life does."""
    return session().client("sqs", endpoint_url=endpoint_url)


def behave(shop: Workshop, job: Job) -> dict[str, int]:
    """What the test's agent does: the job's id says it."""
    if job.id == "never":
        raise PermanentError("it never works")
    if job.id == "raises":
        raise ValueError("as ever")
    if job.id == "hangs":
        threading.Event().wait()
    if job.id == "exits":
        os._exit(3)
    if job.id == "second" and job.attempt == 1:
        raise ValueError("only the second attempt works")
    shop.effect(job.id)
    return {"attempt": job.attempt}


class Hospice:
    """Starts lives and waits for their ends; one for a whole test session."""

    def __enter__(self) -> Self:
        self._alive: set[int] = set()
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.support.mortal"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)  # not awaited yet, so still ours, perhaps stopped
        with self._program:
            assert self._program.stdin is not None
            self._program.stdin.close()

    def start(self, life: Life) -> int:
        """The pid of the process that lives this life."""
        pid = self._ask({"start": asdict(life)})["pid"]
        self._alive.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Its exit code, once it has ended; negative for a signal."""
        code = self._ask({"wait": pid})["code"]
        self._alive.discard(pid)
        return code

    def _ask(self, order: dict[str, Any]) -> dict[str, int]:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        print(json.dumps(order), file=self._program.stdin, flush=True)
        return json.loads(self._program.stdout.readline())


def wait_until_stopped(pid: int) -> None:
    """Wait until the process is stopped by SIGSTOP."""
    stat = Path(f"/proc/{pid}/stat")
    wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")


def _live(life: Life) -> int:
    crashpoint.arm(life.crashpoint)
    shop = SqsWorkshop(life, founder=False)
    try:
        shop.live()
    except crashpoint.CrashPointReached:
        return RAISED
    except BaseException:  # noqa: BLE001 - whatever it is, the test is to see it
        traceback.print_exc()
        return 1
    return 0


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            sqs_client(
                order["start"]["endpoint_url"]
            )  # made before the fork, unused until after it
            pid = os.fork()
            if pid == 0:
                os._exit(_live(Life(**order["start"])))
            answer = {"pid": pid}
        else:
            answer = {"code": os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
