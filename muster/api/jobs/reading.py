"""`GET /v1/jobs` and `GET /v1/jobs/{id}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.jobs.cursor import from_cursor, to_cursor
from muster.api.problem import conflict, not_found

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject

#: Jobs of a page unless the caller says otherwise, and at most.
PAGE = 50
MOST = 200

FILTERS = ("agent_id", "status", "priority", "source", "job_id")


def listing(call: Call, services: Services) -> Answer:
    """A page of jobs, newest first, and the cursor of the next one."""
    limit = call.query.get("limit", PAGE)
    cursor = call.query.get("cursor")
    found = services.jobs(call.tenant).page(
        filters={name: call.query.get(name) for name in FILTERS},
        after=None if cursor is None else from_cursor(cursor),
        limit=limit + 1,
    )
    page = found[:limit]
    more = len(found) > limit
    return Answer(
        value={
            "jobs": [job for job, _ in page],
            "next_cursor": to_cursor(page[-1][1]) if more else None,
        }
    )


def detail(call: Call, services: Services) -> Answer:
    """One job and everything that happened to it."""
    return Answer(value=the_job(call, services))


def the_job(call: Call, services: Services) -> JsonObject:
    """The job that the path names.

    Raises:
        Problem: there is none (404), or several agents have one of that id (409).
    """
    found = services.jobs(call.tenant).find(
        call.path_values["id"], agent_id=call.query.get("agent_id")
    )
    if not found:
        raise not_found("there is no such job")
    if len(found) > 1:
        raise conflict("ambiguous", "several agents have a job of that id; add ?agent_id=")
    return found[0]
