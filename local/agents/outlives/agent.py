"""A long job in steps of half a second, with an effect at its end."""

from __future__ import annotations

import time

from muster import Job, agent

_STEP_SECONDS = 0.5


@agent
def outlive(job: Job) -> dict[str, object]:
    """Take the steps that no earlier attempt has taken, then the effect."""
    taken = job.state["steps"] if job.state else 0
    resumed_at = taken
    while taken < job.params["steps"]:
        time.sleep(_STEP_SECONDS)
        taken += 1
        job.checkpoint({"steps": taken})
    job.database.run("take_effect", {"job_id": job.id, "attempt": job.attempt})
    ((effects,),) = job.database.run("count_effects", {"job_id": job.id})
    return {"steps": taken, "resumed": resumed_at > 0, "effects": effects}
