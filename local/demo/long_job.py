"""A long job whose worker is killed half-way: another goes on where it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.demo.job import PlannedJob
from muster.message.envelope import envelope

AGENT = "outlives"
#: Half seconds: three visibility timeouts of the local stage, and more.
STEPS = 70


def job(*, run: str) -> PlannedJob:
    """The job: two attempts, of which the second goes on, and one effect."""
    job_id = f"demo-{run}-long"
    return PlannedJob(
        what="a long job",
        agent=AGENT,
        job_id=job_id,
        body=envelope(job_id=job_id, agent_id=AGENT, params={"steps": STEPS}),
        attempts=2,
        result={"steps": STEPS, "resumed": True, "effects": 1},
    )


@dataclass(kw_only=True, slots=True)
class Interruption:
    """Kills the listener when the job is half-way.

    Args of the constructor:
        progress: what the job has saved, or None.
        listeners: process ids of the agent's listeners that run.
    """

    progress: Callable[[], Mapping[str, Any] | None]
    listeners: Callable[[], list[int]]
    killed: bool = False

    what = "a worker that is killed in a long job"

    def over(self) -> bool:
        if not self.killed and ((self.progress() or {}).get("steps", 0)) >= STEPS // 2:
            for pid in self.listeners():
                os.kill(pid, signal.SIGKILL)
                self.killed = True
        return self.killed

    def problems(self) -> list[str]:
        return [] if self.killed else [f"{AGENT} ({self.what}): nobody could be killed"]
