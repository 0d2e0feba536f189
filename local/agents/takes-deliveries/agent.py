"""An agent that nobody sends messages: signed deliveries start it."""

from __future__ import annotations

from typing import Any

from muster import Job, agent


@agent
def tell(job: Job) -> dict[str, Any]:
    """Say which delivery it was and what it said."""
    return {"delivery": job.params["delivery"], "said": job.params["body"]}
