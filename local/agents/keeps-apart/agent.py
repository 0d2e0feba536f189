"""A job that leaves traces in its process, and looks for those of others."""

from __future__ import annotations

import ctypes
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from muster import Job, agent

#: Tenants whose jobs this process ran.
_seen: list[str] = []


@agent
def keep_apart(job: Job) -> dict[str, Any]:
    """Say what was found of jobs that ran before, or die as the params say."""
    _die(job.params.get("dies"))
    places = (Path.home() / "left", Path(tempfile.gettempdir()) / "left", Path("left"))
    found = [str(place) for place in places if place.exists()]
    found += [*_seen, *([os.environ["LEFT"]] if "LEFT" in os.environ else [])]
    for place in places:
        place.write_text(job.tenant, "utf-8")
    _seen.append(job.tenant)
    os.environ["LEFT"] = job.tenant
    job.log.info("used %s", job.secrets["TOKEN"])
    ledger = sorted(name for name in os.environ if name.startswith("MUSTER_"))
    return {
        "found": found,
        "ledger": ledger,
        "token": len(job.secrets["TOKEN"]),
        "worker": _worker(),
    }


def _worker() -> int:
    """The process that outlives this job: the parent of the one that watches over it."""
    status = Path(f"/proc/{os.getppid()}/stat").read_text("ascii")
    return int(status.rpartition(")")[2].split()[1])


def _die(how: str | None) -> None:
    if how == "exit":
        os._exit(0)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "hang":
        time.sleep(60)
