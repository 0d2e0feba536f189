"""Which process a pid meant when it was written down: a pid alone is reused."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: Field 22 of /proc/<pid>/stat (the process's start) counted from the end of its name.
_START_FIELD = 19
_STATE_FIELD = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessIdentity:
    """A pid with the moment its process started, as this machine's boot counts it."""

    pid: int
    #: Opaque; equal for the same process only, over reboots too. Empty when there is no such process.
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """The process that has this pid now."""
        return cls(pid=pid, started=_started(pid))

    @classmethod
    def own(cls) -> ProcessIdentity:
        return cls.of(os.getpid())

    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return bool(self.started) and _started(self.pid) == self.started

    def command(self) -> str:
        """Program and arguments, separated by spaces; empty when it has ended."""
        told = _command(self.pid)
        return told if self.alive() else ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _started(pid: int) -> str:
    if Path("/proc/self/stat").exists():
        return _started_linux(pid)
    return _started_ps(pid)


def _started_linux(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE_FIELD] in ("Z", "X"):
        return ""
    return f"{boot}:{fields[_START_FIELD]}"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", errors="replace").replace("\0", " ")
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    return subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def _started_ps(pid: int) -> str:
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = listed.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()
