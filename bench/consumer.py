"""A consumer of SQS under measurement: its processes, their CPU time, and what the endpoint saw of it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.endpoint.client import Endpoint

#: What every consumer is told, besides the endpoint; no account has these credentials.
AWS_SETTINGS = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "*",
}

#: Longest time until a consumer is at work, in seconds.
_START = 240

#: Seconds from the first receive until a consumer counts as idle.
_SETTLE = 1.0


class NotRunning(Exception):
    """A consumer did not start, or ended; the message has what it said last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Consumer:
    """How one is started."""

    name: str
    command: Sequence[str]
    folder: Path
    #: Threads, or the like: what it can bear.
    size: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Sends one job in the consumer's own form; None: a JSON object is one.
    sender: Sequence[str] | None = None
    #: Messages that must have been deleted before it counts as warm.
    warm: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What a consumer did in one measurement."""

    messages_per_second: float
    #: CPU seconds of the consumer for 1,000 messages.
    cpu: float
    #: Memory of all its processes, in MiB.
    memory: float
    #: Part of one core that the endpoint used meanwhile.
    endpoint_load: float
    #: Requests for 1,000 messages.
    requests: float


def measure(consumer: Consumer, endpoint: Endpoint, *, seconds: float, name: str) -> Sample:
    """Let a consumer work on an endless queue of that name.

    Raises:
        NotRunning: see there.
    """
    queue_url = endpoint.create(name, visibility=120)
    environment = _environment(consumer, endpoint, queue_url)
    _fill(consumer, endpoint, queue_url, environment)
    try:
        with _running(consumer, environment) as process:
            _wait_until_warm(consumer, process, endpoint, queue_url)
            family = _Family(process.process)
            before, cpu = endpoint.statistics(queue_url), family.cpu()
            # Not busy-waiting: the measured time is the endpoint's, whatever a sleep takes.
            time.sleep(seconds)
            after, cpu = endpoint.statistics(queue_url), family.cpu() - cpu
            memory = family.memory()
    finally:
        endpoint.call("DeleteQueue", QueueUrl=queue_url)
    thousands = (after.deleted - before.deleted) / 1000
    if thousands <= 0:
        raise NotRunning(f"{consumer.name} deleted nothing within {seconds} s")
    elapsed = after.at - before.at
    return Sample(
        messages_per_second=thousands * 1000 / elapsed,
        cpu=cpu / thousands,
        memory=memory,
        endpoint_load=(after.cpu - before.cpu) / elapsed,
        requests=(sum(after.requests.values()) - sum(before.requests.values())) / thousands,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """What a consumer does while its queue is empty."""

    #: Part of one core.
    load: float
    #: Receives that wait at the queue.
    polls: int


def measure_idle(consumer: Consumer, endpoint: Endpoint, *, seconds: float, name: str) -> Idle:
    """Let a consumer wait at an empty queue of that name.

    Raises:
        NotRunning: see there.
    """
    queue_url = endpoint.create(name, visibility=120)
    try:
        with _running(consumer, _environment(consumer, endpoint, queue_url)) as process:
            _wait_until(
                lambda: endpoint.statistics(queue_url).polls > 0,
                consumer=consumer,
                process=process,
            )
            # What starting up leaves behind is not idling.
            time.sleep(_SETTLE)
            family = _Family(process.process)
            cpu, began = family.cpu(), time.monotonic()
            time.sleep(seconds)
            load = (family.cpu() - cpu) / (time.monotonic() - began)
            return Idle(load=load, polls=endpoint.statistics(queue_url).polls)
    finally:
        endpoint.call("DeleteQueue", QueueUrl=queue_url)


@dataclass(frozen=True, slots=True)
class _Process:
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return " / ".join(self.log.read_text(errors="replace").strip().splitlines()[-5:])


def _environment(consumer: Consumer, endpoint: Endpoint, queue_url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        **AWS_SETTINGS,
        "AWS_ENDPOINT_URL": endpoint.url,
        "BENCH_QUEUE_URL": queue_url,
        "BENCH_SIZE": str(consumer.size),
        **{
            name: value.replace("{queue_url}", queue_url)
            for name, value in consumer.environment.items()
        },
    }


def _fill(
    consumer: Consumer, endpoint: Endpoint, queue_url: str, environment: Mapping[str, str]
) -> None:
    if consumer.sender is None:
        endpoint.send(queue_url, '{"n": 1}')
    else:
        done = subprocess.run(
            consumer.sender,
            cwd=consumer.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_START,
        )
        if done.returncode:
            raise NotRunning(f"{consumer.name} could not send: {done.stderr.strip()[-500:]}")
    endpoint.repeat(queue_url)


@contextmanager
def _running(consumer: Consumer, environment: Mapping[str, str]) -> Iterator[_Process]:
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                consumer.command,
                cwd=consumer.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                yield _Process(process, log)
            finally:
                # Its own session is its process group, so this ends what it started, too.
                with suppress(ProcessLookupError):  # It has ended, and so has everything of it.
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_warm(
    consumer: Consumer, process: _Process, endpoint: Endpoint, queue_url: str
) -> None:
    _wait_until(
        lambda: endpoint.statistics(queue_url).deleted >= consumer.warm,
        consumer=consumer,
        process=process,
    )


def _wait_until(condition: Callable[[], bool], *, consumer: Consumer, process: _Process) -> None:
    end = time.monotonic() + _START
    while not condition():
        if process.process.poll() is not None:
            raise NotRunning(f"{consumer.name} ended: {process.said()}")
        if time.monotonic() > end:
            raise NotRunning(f"{consumer.name} was not at work within {_START} s: {process.said()}")
        time.sleep(0.05)


class _Family:
    """A process with all its descendants."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        parent = psutil.Process(process.pid)
        self._members = [parent, *parent.children(recursive=True)]

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(times.user + times.system for times in (m.cpu_times() for m in self._members))

    def memory(self) -> float:
        """MiB in use."""
        return sum(member.memory_info().rss for member in self._members) / 1024**2
