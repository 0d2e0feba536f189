"""An agent that nobody sends messages: its schedule starts it."""

from __future__ import annotations

from muster import Job, agent


@agent
def tell(job: Job) -> dict[str, str]:
    """Say which job this is, what its schedule gave it, and how its operator wants it said."""
    return {"job": job.id, "greeting": job.params["greeting"], "tone": job.config["tone"]}
