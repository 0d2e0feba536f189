"""Hands claims from the process that made them to the one that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from muster.model import Claim
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimName:
    """What finds a claim, and says that it is the one that is meant."""

    execution_id: str
    #: Of the row, in ISO 8601.
    created_at: str
    fence: int


class Handovers:
    """Takes claims over on one connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("handovers")

    def adopt(
        self,
        names: Sequence[ClaimName],
        *,
        launcher: str,
        worker: str,
        log_stream: str | None,
        lease: timedelta,
    ) -> list[Claim]:
        """Take over what `launcher` claimed; `worker` has it from now on, for `lease`.

        What is missing from the answer is not to be run: it has a higher fence, is at rest, or another
        process has taken it over. Asking again is safe.

        Raises:
            StoreUnavailable: it is not known which were taken over.
        """
        claims = [
            {"execution_id": n.execution_id, "created_at": n.created_at, "fence": n.fence}
            for n in names
        ]
        rows = self._database.run(
            self._sql["adopt"],
            {
                "claims": document(claims),
                "count": len(claims),
                "launcher": launcher,
                "worker": worker,
                "log_stream": log_stream,
                "lease_seconds": lease.total_seconds(),
            },
        )
        return [_claim(*row) for row in rows]


def _claim(*row: object) -> Claim:
    (
        execution_id, created_at, agent_id, job_id, tenant, version, fence, attempts, max_attempts, params,
        config, state, suspect, message_id, priority, source, traceparent, hops, queued_at, lease_expires_at,
    ) = row  # fmt: skip
    fields = {
        "execution_id": execution_id,
        "created_at": created_at,
        "agent_id": agent_id,
        "job_id": job_id,
        "tenant": tenant,
        "agent_version": version,
        "fence": fence,
        "attempt": attempts,
        "max_attempts": max_attempts,
        "params": params,
        "config": config,
        "state": state,
        "suspect": suspect,
        "message_id": message_id,
        "priority": priority,
        "source": source,
        "traceparent": traceparent,
        "hops": hops,
        "queued_at": queued_at,
        "lease_expires_at": lease_expires_at,
    }
    return Claim(**fields)  # pyright: ignore[reportArgumentType]  # columns have no types of their own
