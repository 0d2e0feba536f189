"""Starting the endpoint and asking it what only a benchmark asks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What had become of a queue's messages at one moment."""

    #: Seconds on the endpoint's clock.
    at: float
    #: Seconds of CPU that the endpoint had used.
    cpu: float
    sent: int
    received: int
    deleted: int
    visible: int
    held: int
    delayed: int
    #: Receives that wait for a message.
    polls: int
    #: Requests of each operation, over all queues.
    requests: dict[str, int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running endpoint."""

    url: str

    def create(self, name: str, *, visibility: int = 30) -> str:
        """A queue; its URL."""
        attributes = {"VisibilityTimeout": str(visibility)}
        return self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(self, queue_url: str, *bodies: str) -> None:
        """Put bodies into a queue."""
        for body in bodies:
            self.call("SendMessage", QueueUrl=queue_url, MessageBody=body)

    def release(self, queue_url: str) -> None:
        """Let everybody receive what somebody holds, as if its time were over."""
        self.call("Release", QueueUrl=queue_url)

    def repeat(self, queue_url: str) -> None:
        """Let a queue never run empty: it repeats what is in it now."""
        assert self.call("Repeat", QueueUrl=queue_url)["Messages"], "nothing to repeat"

    def statistics(self, queue_url: str) -> Statistics:
        """Of a queue, now."""
        return Statistics(**self.call("Statistics", QueueUrl=queue_url))

    def set_latency(self, seconds: float) -> None:
        """Answer from now on after so many seconds."""
        self.call("Latency", Seconds=seconds)

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """An operation's answer."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        try:
            headers = {"X-Amz-Target": f"AmazonSQS.{operation}"}
            connection.request("POST", "/", json.dumps(arguments), headers)
            answer = connection.getresponse()
            content: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {content}")
        return content


@contextmanager
def running_endpoint(*, latency: float = 0.005) -> Iterator[Endpoint]:
    """An endpoint in a process of its own, which answers after so many seconds."""
    command = [sys.executable, "-m", "bench.endpoint", "--latency", str(latency)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"The endpoint did not start; it ended with {process.wait(10)}.")
        yield Endpoint(url)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
