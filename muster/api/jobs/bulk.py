"""`POST /v1/jobs/cancel` and `POST /v1/jobs/retry`: many jobs of the tenant, found by a filter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from muster.api.answer import Answer
from muster.api.problem import invalid
from muster.api.shape import AGENT_ID, COUNT, PRIORITY, SOURCE, TIME, closed
from muster.model import Status
from muster.store.bulk import Bulk, Change, JobFilter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muster.api.route import Call
    from muster.api.services import Services

#: Jobs of one call, unless it says otherwise, and at most.
MOST_JOBS = 5000

_WORD = {"type": "string", "minLength": 1, "maxLength": 256}
_RETRY_ORDER: dict[str, Any] = {
    "agent_id": AGENT_ID,
    "error": _WORD,
    "text": _WORD,
    "source": SOURCE,
    "priority": PRIORITY,
    "since": TIME,
    "until": TIME,
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_JOBS},
    "dry_run": {"type": "boolean", "default": True},
}
_CANCEL_ORDER: dict[str, Any] = {
    **_RETRY_ORDER,
    "status": {"type": "string", "enum": [str(Status.PENDING), str(Status.RUNNING)]},
}
_COUNTS = {"type": "object", "additionalProperties": COUNT}

BULK_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "CancelOrder": closed(_CANCEL_ORDER, optional=tuple(_CANCEL_ORDER)),
    "RetryOrder": closed(_RETRY_ORDER, optional=tuple(_RETRY_ORDER)),
    "JobTally": closed(
        {
            "dry_run": {"type": "boolean"},
            "jobs": COUNT,
            "complete": {"type": "boolean"},
            "agents": _COUNTS,
            "statuses": _COUNTS,
            "errors": _COUNTS,
        }
    ),
}


def cancel_many(call: Call, services: Services) -> Answer:
    """Call off what is not finished; unless `dry_run` is false it is only counted."""
    return _change(call, services, "cancel")


def retry_many(call: Call, services: Services) -> Answer:
    """Run what failed again; unless `dry_run` is false it is only counted."""
    return _change(call, services, "retry")


def _change(call: Call, services: Services, change: Change) -> Answer:
    said = call.body
    meant = JobFilter(
        agent_id=said.get("agent_id"),
        tenant=call.tenant,
        status=said.get("status"),
        error=said.get("error"),
        text=said.get("text"),
        source=said.get("source"),
        priority=said.get("priority"),
        since=_moment(said, "since"),
        until=_moment(said, "until"),
    )
    if meant.empty:
        raise invalid("say which jobs: agent_id, error, text, source, priority, since or until")
    tally = Bulk(services.database).run(
        change,
        meant,
        until=services.clock.now(),
        limit=said.get("limit", MOST_JOBS),
        dry_run=said.get("dry_run", True),
    )
    return Answer(value=tally.to_json())


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    if name not in said:
        return None
    try:
        at = datetime.fromisoformat(said[name])
        # Postgres takes fewer offsets than ISO 8601 has.
        return at.astimezone(UTC) if at.tzinfo else _no_offset()
    except (ValueError, OverflowError) as error:
        raise _no_time(name) from error


def _no_offset() -> NoReturn:
    raise ValueError("a time without its offset")


def _no_time(name: str) -> Exception:
    return invalid(f"{name} must be a time with its offset, such as 2026-01-31T09:00:00+00:00")
