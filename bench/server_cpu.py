"""CPU time of a server with all its processes, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

# Fields of /proc/PID/stat after the command's name, which may hold anything.
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14


def cpu_seconds(process_id: int) -> float | None:
    """Of the process, its living children and those that have ended; None where there is no /proc."""
    if not Path("/proc/self/stat").exists():
        return None
    own = _fields(Path(f"/proc/{process_id}/stat"))
    if own is None:
        return None
    ticks = sum(own[f] for f in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM))
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields is not None and fields[_PARENT] == process_id:
            ticks += fields[_USER] + fields[_SYSTEM]
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(stat: Path) -> list[int] | None:
    """The numbers; None of a process that has ended meanwhile."""
    try:
        text = stat.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    values = text.rpartition(")")[2].split()
    return [0, *map(int, values[1:])]
