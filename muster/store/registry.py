"""Writes the registry, by the statements of `sql/registry.sql`, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muster.store.statements import statements

if TYPE_CHECKING:
    from psycopg2 import extensions

#: Advisory lock of all registrations of a database.
LOCK_KEY = int.from_bytes(b"registr", "big")

#: A row of `agent_registry` as JSON: column -> value, without times, state and owner.
type_row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """What a stack registered last."""

    name: str
    #: Physical id of its custom resource; None once that was deleted.
    resource: str | None
    #: Number of the request that was applied last.
    request: int
    #: Agent id -> row.
    listing: Mapping[str, type_row]


def unguarded(rows: str) -> dict[str, Any]:
    """Parameters of `upsert_agents` for a registration that holds the lock and knows what it may write."""
    return {"rows": rows, "guarded": False, "lock_key": LOCK_KEY}


def guarded(rows: str) -> dict[str, Any]:
    """Parameters of `upsert_agents` for one that does not: what others have stays as it is."""
    return {"rows": rows, "guarded": True, "lock_key": LOCK_KEY}


class Registry:
    """The registry's tables on one connection."""

    def __init__(self, connection: extensions.connection) -> None:
        self._connection = connection

    def number_request(self, request_id: str, *, owner: str) -> int:
        """The request's place in the order of first arrivals."""
        identity = {"request_id": request_id, "owner": owner}
        self._run("number_request", identity)
        ((number,),) = self._run("request_number", identity)
        return number

    def serialise(self, *, wait_seconds: float) -> None:
        """Wait until no other registration is under way; hold the others off until the transaction ends.

        Raises:
            psycopg2.errors.LockNotAvailable: the wait was not enough.
        """
        self._run("bound_lock_wait", {"milliseconds": max(1, int(wait_seconds * 1000))})
        self._run("serialise_registrations", {"key": LOCK_KEY})

    def owners(self) -> dict[str, Owner]:
        """Every owner by name."""
        return {
            name: Owner(name=name, resource=resource, request=request, listing=listing)
            for name, resource, request, listing in self._run("owners")
        }

    def save_owner(self, owner: Owner) -> None:
        """Remember what was applied, and forget old requests."""
        self._run(
            "save_owner",
            {
                "owner": owner.name,
                "resource": owner.resource,
                "request": owner.request,
                "listing": json.dumps(owner.listing),
            },
        )
        self._run("forget_requests", {"owner": owner.name})

    def active_owners(self) -> dict[str, str | None]:
        """Agent id -> who owns its active version; None: registered by hand."""
        return dict(self._run("active_owners"))

    def upsert(self, rows: Iterable[type_row], *, owner: str | None) -> list[str]:
        """Make these versions the active ones; the ids of the agents whose row changed."""
        document = json.dumps([{**row, "owner": owner} for row in rows])
        return [agent for (agent,) in self._run("upsert_agents", unguarded(document))]

    def retire(self, agent_ids: Sequence[str], *, owner: str) -> list[str]:
        """Retire the active versions that this owner owns; the ids of those that it did."""
        parameters = {"owner": owner, "agent_ids": list(agent_ids)}
        return [agent for (agent,) in self._run("retire_agents", parameters)]

    def switch(self, agent_id: str, *, enabled: bool) -> bool:
        """Switch an agent on or off; false when none of that name is registered."""
        return bool(self._run("switch_agent", {"agent_id": agent_id, "enabled": enabled}))

    def _run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statements("registry")[name].text, parameters)
            return cursor.fetchall() if cursor.description else []
