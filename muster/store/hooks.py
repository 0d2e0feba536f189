"""Webhooks as the HTTP API uses them: what a path means, and the record of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muster.model import JsonObject
from muster.retry import RELAY_GRACE
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Hook:
    """A webhook, and what has to be known of its agent."""

    agent_id: str
    name: str
    tenant: str
    verify: str
    signature_header: str | None
    #: Headers, in lower case, that jobs are told of besides the scheme's.
    headers: tuple[str, ...]
    priority: str
    #: Whether its agent takes jobs now.
    enabled: bool
    input_schema: JsonObject | None
    #: Lane to queue URL; None while the agent has no queue.
    queues: Mapping[str, str] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A proven delivery, as it is to be recorded."""

    execution_id: str
    job_id: str
    #: SHA-256 of the body.
    digest: bytes
    params: JsonObject
    traceparent: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedDelivery:
    """A delivery that is in the ledger."""

    execution_id: str
    #: Whether it is the one that arrived: the same webhook, tenant and body.
    same: bool


class Hooks:
    """The table on one connection. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("webhooks")

    def find(self, agent_id: str, name: str) -> Hook | None:
        """The webhook of that agent, unless it is retired or the agent is gone."""
        wanted = {"agent_id": agent_id, "name": name}
        rows = self._database.run(self._sql["find_webhook"], wanted)
        if not rows:
            return None
        tenant, verify, signature_header, headers, priority, enabled, input_schema, queues = rows[0]
        return Hook(
            agent_id=agent_id,
            name=name,
            tenant=tenant,
            verify=verify,
            signature_header=signature_header,
            headers=tuple(headers),
            priority=priority,
            enabled=enabled,
            input_schema=input_schema,
            queues=queues,
        )

    def record(self, hook: Hook, arrived: Arrived) -> RecordedDelivery | None:
        """Record a delivery, or find the one of that id; None when the agent, or the stage, takes no jobs.

        Whether it was recorded just now shows in the execution id: it is the arrived one's, also when the
        statement ran twice after a lost reply.
        """
        identity: dict[str, Any] = {
            "agent_id": hook.agent_id,
            "name": hook.name,
            "tenant": hook.tenant,
            "job_id": arrived.job_id,
            "digest": arrived.digest.hex(),
        }
        made = self._database.run(
            self._sql["record_delivery"],
            {
                **identity,
                "execution_id": arrived.execution_id,
                "priority": hook.priority,
                "params": document(arrived.params),
                "grace_seconds": RELAY_GRACE.total_seconds(),
                "traceparent": arrived.traceparent,
            },
        )
        if made:
            return RecordedDelivery(execution_id=made[0][0], same=True)
        known = self._database.run(self._sql["recorded_delivery"], identity)
        return RecordedDelivery(execution_id=known[0][0], same=bool(known[0][1])) if known else None
