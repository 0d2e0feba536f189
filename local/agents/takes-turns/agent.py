"""An agent that does one thing at a time."""

from __future__ import annotations

import time

from muster import Job, agent

#: Seconds of a job.
DURATION = 0.3


@agent
def take(_job: Job) -> dict[str, float]:
    """Take a while, and say from when to when."""
    begin = time.time()
    time.sleep(DURATION)
    return {"begin": begin, "end": time.time()}
