"""A child process on a lifeline: it dies, with everything it started, when we do."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from local.process.identity import ProcessIdentity

_LIFELINE = Path(__file__).with_name("lifeline.py")


class Child:
    """A command under `lifeline.py`, in a process group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: IO[bytes] | int,
    ) -> None:
        """Start it.

        Args:
            command: program and arguments.
            environment: the whole environment; nothing is inherited.
            directory: its working directory.
            output: a file or descriptor (or subprocess.PIPE) that takes stdout and stderr.
        """
        self._lifeline, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LIFELINE), str(theirs.fileno()), *command],
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            self._lifeline.close()
            raise
        finally:
            theirs.close()
        self.identity = ProcessIdentity.of(self.process.pid)

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def stop(self, number: signal.Signals = signal.SIGTERM, *, grace: float) -> None:
        """Ask it to end with a signal; after `grace` seconds kill its whole group."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):  # kill() is the answer
                self.process.wait(timeout=grace)
        self.kill()

    def kill(self) -> None:
        """End it and everything it started, now."""
        if self._lifeline.fileno() < 0:
            return
        group = self._group()
        self._lifeline.close()
        if self.process.wait() == -signal.SIGKILL and group:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in it
                os.killpg(group, signal.SIGKILL)

    def _group(self) -> int:
        """The command's process group as its lifeline told it; 0 where it has not come to that."""
        try:
            return int(self._lifeline.recv(32, socket.MSG_DONTWAIT) or 0)
        except BlockingIOError:
            return 0
