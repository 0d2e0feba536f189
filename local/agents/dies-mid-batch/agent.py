"""An agent that takes its whole process down, as a segmentation fault or the OOM killer would."""

from __future__ import annotations

import os

from muster import Job, agent

#: As if killed by SIGKILL.
_EXIT_CODE = 137


@agent
def die_once(job: Job) -> dict[str, int]:
    """Say which attempt it was; die instead on the first attempt of a job marked `deadly`."""
    if job.params.get("deadly") and job.attempt == 1:
        os._exit(_EXIT_CODE)
    return {"attempt": job.attempt}
