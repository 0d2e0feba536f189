"""Local clouds for tests, each with a state folder of its own, and the proof that nothing is left of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from local.checkout import STATE_VARIABLE, Checkout
from local.cloud import Cloud
from local.state import CloudState

T = TypeVar("T")

#: Longest wait, in seconds, for something that takes a second or two on an idle machine.
PATIENCE = 240

#: Lines of a process's status with the signals that wait for it: for its main thread, and for any.
_PENDING = ("SigPnd:", "ShdPnd:")


def wait_for(condition: Callable[[], T], *, what: str, timeout: float = PATIENCE) -> T:
    """The first true value of `condition`; fails the test after `timeout` seconds."""
    deadline, pause = time.monotonic() + timeout, 0.05
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.25)
    return value


@dataclass(kw_only=True)
class CloudFolder:
    """The state folder of a local cloud that belongs to one test."""

    path: Path
    programs: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def checkout(self) -> Checkout:
        return Checkout(root=Checkout.locate().root, state=self.path)

    @property
    def cloud(self) -> Cloud:
        return Cloud(checkout=self.checkout, say=lambda _: None)

    @property
    def state(self) -> CloudState:
        """What the state file says now."""
        return CloudState.read(self.checkout.state_file)

    def environment(self) -> dict[str, str]:
        return {**os.environ, STATE_VARIABLE: str(self.checkout.state)}

    def muster(self, *arguments: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        """Run the `muster` command on this cloud to its end."""
        return subprocess.run(
            [sys.executable, "-m", "local.cli", *arguments],
            cwd=self.checkout.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start `python <command>` on this cloud, in a process group of its own like a terminal's job."""
        program = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.checkout.root,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self.programs.append(program)
        return program

    def processes(self) -> dict[int, str]:
        """Every living process that was started for this folder, by its environment or arguments.

        One that was killed, and has had no core since to die on, does not live.
        """
        listed = subprocess.run(
            ["ps", "eww", "-A", "-o", "pid=,stat=,command="],
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[int, str] = {}
        for line in listed.stdout.splitlines():
            pid, state, command = line.split(maxsplit=2)
            own = int(pid) == os.getpid() or "ps eww" in command
            ours = str(self.path) in command and not own
            if ours and not state.startswith("Z") and not _killed(pid):
                found[int(pid)] = command
        return found

    def wait_until_empty(self) -> None:
        """Wait until no process is left; fails the test if one stays."""
        wait_for(lambda: not self.processes(), what=f"no process of {self.path} left")

    def kill(self) -> None:
        """End whatever is left, so that a failed test leaves nothing either."""
        for program in self.programs:
            program.kill()
            program.communicate()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)


def _killed(pid: str) -> bool:
    """Whether SIGKILL has been sent to a process, as Linux knows."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Path("/proc/self/status").exists()
    masks = [line.split()[1] for line in status.splitlines() if line.startswith(_PENDING)]
    return any(int(mask, 16) >> (signal.SIGKILL - 1) & 1 for mask in masks)


@pytest.fixture
def cloud_folder() -> Iterator[CloudFolder]:
    """A fresh state folder; at the end nothing may run that was started for it."""
    yield from _folder()


@pytest.fixture
def second_cloud_folder() -> Iterator[CloudFolder]:
    """Another checkout's."""
    yield from _folder()


def _folder() -> Iterator[CloudFolder]:
    folder = CloudFolder(path=Path(tempfile.mkdtemp(prefix="muster-test-cloud-")))
    try:
        yield folder
        folder.cloud.down()
        assert not folder.processes(), "left running after `down`"
    finally:
        folder.kill()
        shutil.rmtree(folder.path, ignore_errors=True)
