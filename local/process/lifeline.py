"""Run a command that cannot outlive whoever started it. Standard library only; run as a script.

    python -I -S lifeline.py FD COMMAND...

FD is a socket whose other end only its starter holds. When the starter dies, however abruptly, the socket
ends, and the command's whole process group is killed: an emulator's Lambda workers too. The group is told to
the starter, who kills it when this process was killed. The command runs in a group of its own, so a
terminal's Ctrl-C does not reach it; SIGTERM, SIGINT and SIGQUIT to this process are passed on. Its exit code
becomes ours (128 + n after signal n).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """On Linux the command also dies if this process is killed before it can tell."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # the group is gone (macOS says so with EPERM)


def main(fd: int, command: list[str]) -> int:
    """Run `command` until it or the starter ends; return its exit code."""
    child = subprocess.Popen(
        command,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - single-threaded here; the only way to set it
    )
    with contextlib.suppress(OSError):  # the starter has died: the thread below sees it, too
        os.write(fd, str(child.pid).encode())

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child.poll() is None:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, pass_on)

    def watch() -> None:
        with contextlib.suppress(ConnectionResetError):  # so it ends where our word was never read
            os.read(fd, 1)
        _kill_group(child.pid)

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    _kill_group(child.pid)  # what it left behind
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
