"""What workers outside take and report over HTTP, as one tenant. The fence decides whose word counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from muster.keys.access import Hold
from muster.model import Claim, JsonObject
from muster.store.connection import Database, Row
from muster.store.document import bounded_document
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideAgent:
    """What has to be known of the agent whose jobs are asked for."""

    compute: str
    enabled: bool
    #: Longest run of one attempt.
    timeout: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A job that a worker holds now."""

    execution_id: str
    created_at: datetime
    job_id: str
    agent_version: str
    fence: int
    attempt: int
    max_attempts: int
    params: JsonObject
    #: What holds for it: the request's over the operators' over the defaults.
    config: JsonObject
    #: What an earlier attempt saved.
    state: Any
    priority: str
    source: str
    traceparent: str | None
    lease_expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Alive:
    """The ledger's answer to a worker that still holds its execution."""

    cancel_requested: bool
    lease_expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempted:
    """An attempt that is about to end."""

    claim: Claim
    #: What its progress said so far.
    metrics: JsonObject
    cancel_requested: bool


class OutsideWork:
    """The executions of one tenant. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(
        self,
        database: Database,
        *,
        tenant: str,
        new_token: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._new_token = new_token
        self._sql = statements("outside_work")

    def agent(self, agent_id: str) -> OutsideAgent | None:
        """The agent of that name that the tenant's workers may work for."""
        rows = self._run("outside_agent", agent_id=agent_id)
        if not rows:
            return None
        compute, enabled, seconds = rows[0]
        return OutsideAgent(compute=compute, enabled=enabled, timeout=timedelta(seconds=seconds))

    def take(self, *, agent_id: str, count: int, worker: str, lease: timedelta) -> list[Taken]:
        """Take up to `count` jobs that wait, for `lease`; no more than the agent's concurrency leaves."""
        rows = self._run(
            "take_waiting",
            agent_id=agent_id,
            count=count,
            worker=worker,
            claim_token=self._new_token(),
            lease_seconds=lease.total_seconds(),
        )
        return [_taken(row) for row in rows]

    def progress(
        self, hold: Hold, *, progress: Any = None, state: Any = None, metrics: Any = None
    ) -> Alive | None:
        """Note what a worker says and put off its lease; None when it holds the execution no longer.

        Raises:
            ValueError: something is nested too deep.
        """
        rows = self._run(
            "report_progress",
            **_of(hold),
            progress=_json(progress),
            state=_json(state),
            metrics=_json(metrics),
            lease_seconds=hold.lease.total_seconds(),
            deadline=hold.deadline,
        )
        if not rows:
            return None
        _, cancel_requested, lease_expires_at = rows[0]
        return Alive(cancel_requested=cancel_requested, lease_expires_at=lease_expires_at)

    def attempted(self, hold: Hold) -> Attempted | None:
        """The attempt under that fence; None when another claim has a higher one."""
        rows = self._run("held_execution", **_of(hold))
        return _attempted(hold, self._tenant, rows[0]) if rows else None

    def _run(self, name: str, **parameters: Any) -> list[Row]:
        return self._database.run(self._sql[name], {**parameters, "tenant": self._tenant})


def _of(hold: Hold) -> dict[str, Any]:
    return {
        "execution_id": hold.execution_id,
        "created_at": hold.created_at,
        "fence": hold.fence,
    }


def _json(value: Any) -> str | None:
    return None if value is None else bounded_document(value)


def _taken(row: Row) -> Taken:
    (
        execution_id, created_at, job_id, agent_version, fence, attempt, max_attempts, params, config, state,
        priority, source, traceparent, lease_expires_at,
    ) = row  # fmt: skip
    return Taken(
        execution_id=execution_id,
        created_at=created_at,
        job_id=job_id,
        agent_version=agent_version,
        fence=fence,
        attempt=attempt,
        max_attempts=max_attempts,
        params=params,
        config=config,
        state=state,
        priority=priority,
        source=source,
        traceparent=traceparent,
        lease_expires_at=lease_expires_at,
    )


def _attempted(hold: Hold, tenant: str, row: Row) -> Attempted:
    (
        agent_id, job_id, agent_version, attempt, max_attempts, metrics, priority, source, traceparent, hops,
        queued_at, cancel_requested,
    ) = row  # fmt: skip
    claim = Claim(
        execution_id=hold.execution_id,
        created_at=hold.created_at,
        agent_id=agent_id,
        job_id=job_id,
        tenant=tenant,
        agent_version=agent_version,
        fence=hold.fence,
        attempt=attempt,
        max_attempts=max_attempts,
        params={},
        state=None,
        suspect=False,
        message_id="",
        priority=priority,
        source=source,
        traceparent=traceparent,
        hops=hops,
        queued_at=queued_at,
        lease_expires_at=hold.deadline,
    )
    return Attempted(claim=claim, metrics=metrics or {}, cancel_requested=cancel_requested)
