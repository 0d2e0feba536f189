"""Processes that a process started, however they tried to get away: found, stopped, gone.

Only Linux can: elsewhere there is no /proc, what daemonizes gets away, and a job's own process group is
all that ends with it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_SET_CHILD_SUBREAPER = 36

#: Looks at the process table before what still multiplies is killed anyway.
_STOPPING_PASSES = 50


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends. It must then wait for them."""
    if sys.platform != "linux":
        return
    import ctypes

    # A kernel that refuses leaves what is true elsewhere, too: only the process group ends with the job.
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> set[int]:
    """Everything below `pid`, zombies left out."""
    below: dict[int, list[int]] = defaultdict(list)
    for child, parent, state in _table():
        if state != "Z":
            below[parent].append(child)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = set(below[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def children() -> set[int]:
    """The children of this process, adopted ones included."""
    mine = os.getpid()
    return {child for child, parent, _ in _table() if parent == mine}


def kill_all_below(pid: int, *, seconds: float) -> bool:
    """Kill all descendants, first stopping them so that none can start more; true when none is left.

    What is killed is a zombie until its parent waits for it; it counts as gone.
    """
    end = time.monotonic() + seconds
    while found := descendants(pid):
        stopped: set[int] = set()
        for _ in range(_STOPPING_PASSES):
            if not found - stopped:
                break
            _signal(found - stopped, signal.SIGSTOP)
            stopped |= found
            found = descendants(pid)
        _signal(found | stopped, signal.SIGKILL)
        if time.monotonic() > end:
            return not descendants(pid)
        time.sleep(0.001)  # the kernel ends them in its own time
    return True


def _signal(pids: AbstractSet[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _table() -> Iterator[tuple[int, int, str]]:
    """Process, parent and state of everything that is visible."""
    if not _PROC.is_dir():
        return
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        # The name of the command may hold spaces and parentheses of its own.
        state, parent, *_ = text[text.rindex(b")") + 2 :].split()
        yield int(folder.name), int(parent), state.decode()
