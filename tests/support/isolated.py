"""An agent written down for a test, called in child processes."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from muster.isolation.caller import Ended
from muster.isolation.in_process import InProcess
from muster.job import Job
from tests.support.telling import MemoryLog

_IMPORTS = """
import ctypes, logging, os, pathlib, signal, subprocess, sys, tempfile, threading, time
from muster import *
"""
_FUNCTION = """
@agent
def run(job: Job):
"""


def write_agent(folder: Path, body: str, *, head: str = "") -> Path:
    """An agent's folder whose function has this body; its modules are imported."""
    folder.mkdir(exist_ok=True)
    code = (
        _IMPORTS + head + _FUNCTION + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
    )
    (folder / "agent.py").write_text(code, "utf-8")
    return folder


class Isolated:
    """An agent in `process` mode, and what its worker saw of it."""

    def __init__(self, folder: Path, *, environ: Mapping[str, str] | None = None, **options: Any):
        self.log = MemoryLog()
        self.places = folder / "places"
        self.places.mkdir()
        self.saved: list[Any] = []
        self.counters: dict[str, int] = {}
        self.caller = InProcess(
            folder,
            environ=os.environ if environ is None else environ,
            parent=self.places,
            **options,
        )

    def call(
        self, *, limit: float = 60.0, save: Callable[[Any], None] | None = None, **job: Any
    ) -> Ended:
        """Run one job for at most `limit` seconds."""
        fields: dict[str, Any] = {"id": "job-1", "params": {}, **job}
        return self.caller.call(
            Job(
                log=self.log.logger,
                save=save or self.saved.append,
                counters=self.counters,
                **fields,
            ),
            limit=timedelta(seconds=limit),
        )

    def printed(self) -> list[str]:
        """What it printed, as its worker's log has it."""
        return [record["text"] for record in self.log.records if "stream" in record]


def gone(pid: int, *, seconds: float = 60.0) -> bool:
    """Whether a process ends within this time; a zombie has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False
