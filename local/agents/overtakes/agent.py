"""An agent with an urgent lane."""

from __future__ import annotations

import time

from muster import Job, agent

#: Seconds of a job.
DURATION = 0.5


@agent
def take(_job: Job) -> dict[str, float]:
    """Take a while."""
    time.sleep(DURATION)
    return {"seconds": DURATION}
