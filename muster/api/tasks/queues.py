"""`/v1/queues`: what of a tenant waits for a start, counted in the ledger, and calling it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.problem import invalid
from muster.lane import LANES

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services

#: Why a job was cancelled, as its row says it.
CLEARED = "queue_cleared"


def sizes(call: Call, services: Services) -> Answer:
    """How much waits, by priority."""
    return Answer(value={"queue_sizes": services.tasks(call.tenant).sizes()})


def clear(call: Call, services: Services) -> Answer:
    """Call off all that waits of a priority. Every job stays in the ledger, as cancelled."""
    priority, count = cleared(call, services)
    return Answer(value={"priority": priority, "cleared_count": count})


def cleared(call: Call, services: Services) -> tuple[str, int]:
    """Call off all that waits of the priority that the path names, whatever its case; how much that was.

    Raises:
        Problem: there is no such priority (422).
    """
    priority = call.path_values["priority"].lower()
    if priority not in LANES:
        raise invalid(f"the priority is one of {', '.join(LANES)}")
    return priority, services.tasks(call.tenant).clear(priority, reason=CLEARED)
