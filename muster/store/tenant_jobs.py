"""Jobs as one tenant sees them. Documents come as Postgres built them: JSON, with times in ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from muster.model import JsonObject
from muster.retry import RELAY_GRACE
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements

#: Most events that a job is shown with, the last ones.
MOST_EVENTS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A job that somebody asks for."""

    execution_id: str
    job_id: str
    agent_id: str
    params: JsonObject
    config: JsonObject | None
    priority: str
    traceparent: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobAgent:
    """What has to be known of the agent that a job is for."""

    enabled: bool
    input_schema: JsonObject | None
    #: Lane to queue URL; None while it has no queue.
    queues: Mapping[str, str] | None
    #: Of the row that this was read from: another one after every change.
    stamp: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A job that is in the ledger."""

    document: JsonObject
    #: Whether it is what was asked for: the same tenant, params, config and priority.
    same: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a page of a listing ended."""

    created_at: datetime
    execution_id: str


class TenantJobs:
    """The executions of one tenant. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database, *, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._sql = statements("tenant_jobs")

    def agent(self, agent_id: str) -> JobAgent | None:
        """The agent of that name that takes the tenant's jobs."""
        rows = self._run("job_agent", agent_id=agent_id)
        if not rows:
            return None
        enabled, input_schema, queues, stamp = rows[0]
        return JobAgent(enabled=enabled, input_schema=input_schema, queues=queues, stamp=stamp)

    def submit(
        self, wanted: Wanted, *, stamp: str | None = None, let_in: bool = False
    ) -> Recorded | None:
        """Record a job, or find the one of that id; None when the agent, or the stage, takes no jobs.

        With a `stamp` it is recorded only if the agent's row is the one that has it still. What is `let_in`
        is recorded also while the stage takes no jobs: it was asked for before.

        Whether it was recorded just now shows in the document's execution id: it is the wanted one's, also
        when the statement ran twice after a lost reply.
        """
        made = self._run(
            "submit_job",
            **_content(wanted),
            execution_id=wanted.execution_id,
            grace_seconds=RELAY_GRACE.total_seconds(),
            traceparent=wanted.traceparent,
            stamp=stamp,
            let_in=let_in,
        )
        return Recorded(document=made[0][0], same=True) if made else self.recorded(wanted)

    def recorded(self, wanted: Wanted) -> Recorded | None:
        """The job of that id; None when there is none."""
        known = self._run("recorded_job", **_content(wanted))
        return Recorded(document=known[0][0], same=known[0][1]) if known else None

    def page(
        self, *, filters: Mapping[str, str | None], after: Place | None, limit: int
    ) -> list[tuple[JsonObject, Place]]:
        """Jobs after a place, newest first, each with its own place.

        Args:
            filters: agent_id, status, priority, source and job_id; None filters nothing.
        """
        rows = self._run(
            "page_of_jobs",
            **filters,
            before=after.created_at if after else None,
            before_id=after.execution_id if after else None,
            limit=limit,
        )
        return [(job, Place(created_at=at, execution_id=id_)) for job, at, id_ in rows]

    def find(self, id_: str, *, agent_id: str | None = None) -> list[JsonObject]:
        """Executions that an id names: several when several agents have a job of that id."""
        rows = self._run(
            "tenant_job", id=id_, execution_id=_uuid(id_), agent_id=agent_id, events=MOST_EVENTS
        )
        return [row[0] for row in rows]

    def retry(self, execution_id: str) -> bool:
        """Make a failed execution pending again; false when it is not failed, or its agent takes no jobs."""
        rows = self._run(
            "retry_job", execution_id=execution_id, grace_seconds=RELAY_GRACE.total_seconds()
        )
        return bool(rows)

    def _run(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._database.run(self._sql[name], {**parameters, "tenant": self._tenant})


def _content(wanted: Wanted) -> dict[str, Any]:
    return {
        "agent_id": wanted.agent_id,
        "job_id": wanted.job_id,
        "params": document(wanted.params),
        "config": None if wanted.config is None else document(wanted.config),
        "priority": wanted.priority,
    }


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
