"""One `python -m ecs_listener` as a real process: signals, health, metrics and what it tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.nursery import ROOT, nursery

#: What it tells with its port.
_ANSWERS = "answers health and metrics"


class ListenerProcess:
    """One `python -m ecs_listener`.

    Args:
        fresh: an interpreter of its own loads it, as everywhere but on Linux; else it begins where everything
            is loaded already.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, *, fresh: bool = False) -> None:
        self.log = log
        self._port: int | None = None
        own = fresh or not hasattr(os, "pidfd_open")
        self.process = _fresh(environment, log) if own else nursery().start(dict(environment), log)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def ends(self, *, within: float = 60) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(within)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an answer; 0 while nobody answers."""
        port = self._told_port()
        if port is None:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def health(self) -> dict[str, Any]:
        """What `/health` answers; empty while nobody answers."""
        body = self.get("/health")[1]
        return json.loads(body) if body else {}

    def ready(self) -> bool:
        """Whether it takes work; an error with its log when it has ended."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return bool(self.health().get("is_ready"))

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over its labels, but for those that are given."""
        lines = self.get("/metrics")[1].splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((f"muster_listener_{name} ", f"muster_listener_{name}{{"))
            and all(label in line for label in wanted)
        )

    def told(self) -> list[dict[str, Any]]:
        """Its log lines, but for one that is being written."""
        lines = self.log.read_text(errors="replace").split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith('{"level"')]

    def cpu_seconds(self) -> float:
        """CPU time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it now, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)

    def _told_port(self) -> int | None:
        """Where it answers: one that was chosen for it might be another process's by the time it starts."""
        if self._port is None:
            answers = (line["port"] for line in self.told() if line["message"] == _ANSWERS)
            self._port = next(answers, None)
        return self._port


def _fresh(environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "ecs_listener"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
