"""`GET /v1/dead-letters` and `GET /v1/dead-letters/{agent_id}`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.problem import not_found
from muster.letters.peek import peek
from muster.letters.selection import Selection
from muster.store.dead_letters import DeadLetters, LetterQueue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from muster.api.route import Call
    from muster.api.services import Services

#: Letters shown unless the caller says otherwise, and at most.
SHOWN = 20
MOST_SHOWN = 100

#: Seconds after which no further letters are looked at: API Gateway waits for no more than 30.
SECONDS = 8.0


def listing(call: Call, services: Services) -> Answer:
    """The tenant's own queues of dead letters; what lies in a shared one is not one tenant's to know."""
    rows = [
        {
            "agent_id": queue.agent_id,
            "messages": (depth := services.queues.depth(queue.dead_letters)).total,
            "in_flight": depth.in_flight,
        }
        for queue in DeadLetters(services.database).queues(call.tenant)
    ]
    return Answer(value={"queues": rows})


def letters(call: Call, services: Services) -> Answer:
    """Letters of the tenant in one queue, left where they are."""
    queue = the_queue(call, services)
    found = peek(
        services.queues,
        queue.dead_letters,
        agent_id=queue.agent_id,
        limit=call.query.get("limit", SHOWN),
        selection=selection(call, call.query),
        seconds=SECONDS,
    )
    return Answer(value={"letters": [asdict(letter) for letter in found]})


def selection(call: Call, said: Mapping[str, Any]) -> Selection:
    """What of the tenant's own letters is meant."""
    return Selection(
        error=said.get("error"),
        text=said.get("text"),
        job_id=said.get("job_id"),
        tenant=call.tenant,
    )


def the_queue(call: Call, services: Services) -> LetterQueue:
    """The agent's queues.

    Raises:
        Problem: there is no such agent for this tenant (404).
    """
    queue = DeadLetters(services.database).queue(call.tenant, call.path_values["agent_id"])
    if queue is None:
        raise not_found("there is no such agent with a queue")
    return queue
