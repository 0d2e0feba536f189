"""Webhooks as operators see and make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muster.store.reader import Reader

if TYPE_CHECKING:
    from psycopg2 import extensions

#: A webhook by column. What its sender proves itself with is in no column.
HookRow = Mapping[str, Any]


class HookChanges:
    """On an ordinary connection; the caller ends the transaction.

    Each method raises NotMigrated when the database has no tables.
    """

    def __init__(self, connection: extensions.connection) -> None:
        self._reader = Reader(connection, topic="webhooks")

    def listing(self, *, agent_id: str | None, everything: bool) -> Sequence[HookRow]:
        """Webhooks by agent and name; `everything` includes those that are retired."""
        wanted = {"agent_id": agent_id, "name": None, "all": everything}
        return self._reader.rows("list_webhooks", wanted)

    def find(self, agent_id: str, name: str) -> HookRow | None:
        """One webhook that is not retired."""
        wanted = {"agent_id": agent_id, "name": name, "all": False}
        rows = self._reader.rows("list_webhooks", wanted)
        return rows[0] if rows else None

    def stack(self, agent_id: str) -> tuple[str | None] | None:
        """The stack of an active agent, in a tuple; None when there is no such agent."""
        rows = self._reader.rows("agent_stack", {"agent_id": agent_id})
        return (rows[0]["stack"],) if rows else None

    def create(
        self,
        *,
        agent_id: str,
        name: str,
        tenant: str,
        verify: str,
        signature_header: str | None,
        headers: Sequence[str],
        priority: str,
    ) -> HookRow | None:
        """A webhook that no manifest holds; None, and nothing written, when there is one of that name."""
        rows = self._reader.rows(
            "create_webhook",
            {
                "agent_id": agent_id,
                "name": name,
                "tenant": tenant,
                "verify": verify,
                "signature_header": signature_header,
                "headers": list(headers),
                "priority": priority,
            },
        )
        return rows[0] if rows else None
