"""`POST /v1/dead-letters/{agent_id}/redrive` and `…/purge`: a bounded part of the queue at each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from muster.api.answer import Answer
from muster.api.dead_letters.looking import SECONDS, selection, the_queue
from muster.api.dead_letters.schemas import MOST_LETTERS
from muster.api.problem import conflict
from muster.letters.purge import Archive, Purge
from muster.letters.redrive import MOST_REDRIVES, Order, Redrive
from muster.store.dead_letters import DeadLetters

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.letters.tally import Tally


def redrive(call: Call, services: Services) -> Answer:
    """Send letters back to their lanes; unless `dry_run` is false they are only counted."""
    queue = the_queue(call, services)
    if not queue.enabled:
        raise conflict(
            "agent_disabled", "the agent is disabled: what it redrives would be cancelled"
        )
    tally = Redrive(
        Order(
            agent_id=queue.agent_id,
            lanes=queue.lanes,
            queue_url=queue.dead_letters,
            selection=selection(call, call.body),
            limit=call.body.get("limit", MOST_LETTERS),
            most_redrives=call.body.get("max_redrives", MOST_REDRIVES),
            dry_run=call.body.get("dry_run", True),
            seconds=SECONDS,
        ),
        queues=services.queues,
        ledger=DeadLetters(services.database),
        clock=services.clock,
    ).run()
    return Answer(value=_told(tally))


def purge(call: Call, services: Services) -> Answer:
    """Archive letters and delete them; unless `dry_run` is false they are only counted."""
    queue = the_queue(call, services)
    tally = Purge(
        agent_id=queue.agent_id,
        queue_url=queue.dead_letters,
        archive=Archive(bucket=services.archive_bucket),
        run=uuid4().hex,
        queues=services.queues,
        objects=services.objects,
        clock=services.clock,
        selection=selection(call, call.body),
        limit=call.body.get("limit", MOST_LETTERS),
        dry_run=call.body.get("dry_run", True),
        seconds=SECONDS,
    ).purge()
    return Answer(value=_told(tally))


def _told(tally: Tally) -> dict[str, Any]:
    """Without how many others there are: they may be another tenant's."""
    counts = tally.to_json()
    del counts["others"]
    return counts
