"""Becomes a server that dies with its parent, and that is not root. Standard library only; run as a script.

    python -I -S unprivileged.py PARENT USER COMMAND...

PARENT is the starter's pid: on Linux the command gets SIGINT when that process ends, however it ends.
USER is `-`, or, when root starts it, the account to change to: Postgres refuses to run as root. The
process id stays the same throughout, so that its starter signals and waits for the command itself.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Change user if asked, tie this process to its parent, and become the command."""
    parent, user, command = int(arguments[0]), arguments[1], arguments[2:]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if user != "-":
        _become(pwd.getpwnam(user), libc, program=Path(command[0]))
    if libc is not None:
        # After the change of user, which would clear it.
        _prctl(libc, _PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            sys.exit("the starter of this server has ended")
    os.execv(command[0], command)  # noqa: S606 a fixed program and no shell


def _become(account: pwd.struct_passwd, libc: ctypes.CDLL | None, *, program: Path) -> None:
    keep_access = libc is not None and not _reachable(program, account.pw_uid)
    if libc is not None and keep_access:
        _prctl(libc, _PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if libc is not None and keep_access:
        _keep_file_access(libc)


def _reachable(program: Path, uid: int) -> bool:
    """Whether that user can run the program: a checkout below /root is closed to all others."""
    for path in (program, *program.parents, Path.cwd(), *Path.cwd().parents):
        status = path.stat()
        needed = stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _keep_file_access(libc: ctypes.CDLL) -> None:
    """Keep, of all root may do, the passage through closed folders; execve hands it on."""
    bit = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # effective, permitted and inheritable of capabilities 0-31, then of 32-63
    data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset: cannot keep access to the checkout's folders")
    _prctl(libc, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def _prctl(libc: ctypes.CDLL, option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {values})")


if __name__ == "__main__":
    main(sys.argv[1:])
