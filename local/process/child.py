"""A child process on a lifeline: it dies, with everything it started, when we do."""

from __future__ import annotations

import contextlib
import os
import signal
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
        read_end, self._lifeline = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LIFELINE), str(read_end), *command],
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(read_end,),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(read_end)
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
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        self.process.wait()
