"""What the cores of this machine did, as Linux counts it."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

_COUNTED = Path("/proc/stat")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cores:
    """Minutes of all cores together since the machine began, or between two moments."""

    worked: float
    #: Nothing to do, but for a disk's answer.
    disk: float
    idle: float
    #: Work was there, but the host gave the core to another machine.
    withheld: float

    @classmethod
    def read(cls) -> Self | None:
        """As they stand now; None on a machine that does not count them as Linux does (see proc(5))."""
        if not _COUNTED.exists():
            return None
        ticks = os.sysconf("SC_CLK_TCK") * 60
        numbers = _COUNTED.read_text().splitlines()[0].split()[1:9]
        user, nice, system, idle, disk, hard, soft, stolen = (int(n) / ticks for n in numbers)
        return cls(worked=user + nice + system + hard + soft, disk=disk, idle=idle, withheld=stolen)

    def __sub__(self, earlier: Cores) -> Cores:
        """What was counted since then."""
        return Cores(
            **{
                each.name: getattr(self, each.name) - getattr(earlier, each.name)
                for each in fields(self)
            }
        )

    def told(self) -> str:
        """One line."""
        return (
            f"{self.worked:6.1f} minutes of work by all of {os.cpu_count()} cores; idle {self.idle:.1f},"
            f" and {self.disk:.1f} for the disk; {self.withheld:.1f} were withheld by the host"
        )
