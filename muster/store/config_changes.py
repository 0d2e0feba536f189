"""AgentConfig as operators see and change it; `muster.store.agent_config` is the workers' side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from muster.agent_config import AgentConfig
from muster.model import JsonObject
from muster.store.document import document
from muster.store.reader import Reader

if TYPE_CHECKING:
    from psycopg2 import extensions


@dataclass(frozen=True, kw_only=True, slots=True)
class Configured:
    """What holds for a registered agent."""

    agent_id: str
    agent_version: str
    defaults: JsonObject
    schema: JsonObject | None
    agent_config: AgentConfig
    created_by: str | None
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One version in an agent's history."""

    agent_config: AgentConfig
    created_by: str | None
    created_at: datetime


class ConfigChanges:
    """On an ordinary connection; the caller ends the transaction."""

    def __init__(self, connection: extensions.connection) -> None:
        self._reader = Reader(connection, topic="config")

    def of(self, agent_id: str) -> Configured | None:
        """What holds now; None when no such agent is registered.

        Raises:
            NotMigrated: the database has no tables.
        """
        rows = self._reader.rows("config_of_agent", {"agent": agent_id})
        if not rows:
            return None
        row = rows[0]
        return Configured(
            agent_id=row["agent_id"],
            agent_version=row["agent_version"],
            defaults=row["default_config"],
            schema=row["config_schema"],
            agent_config=AgentConfig(version=row["version"], changes=row["config"]),
            created_by=row["created_by"],
            created_at=row["created_at"],
        )

    def change(
        self, agent_id: str, *, seen: int, changes: JsonObject, by: str | None
    ) -> Written | None:
        """Write the version after `seen`; None, and nothing written, when another one is there already.

        Raises:
            ValueError, TypeError: the changes are no JSON.
        """
        parameters = {"agent": agent_id, "seen": seen, "config": document(changes), "by": by}
        rows = self._reader.rows("change_config", parameters)
        return _written({**rows[0], "config": changes, "created_by": by}) if rows else None

    def history(self, agent_id: str, *, limit: int) -> list[Written]:
        """Versions, newest first."""
        rows = self._reader.rows("config_history", {"agent": agent_id, "limit": limit})
        return [_written(row) for row in rows]


def _written(row: dict[str, Any]) -> Written:
    return Written(
        agent_config=AgentConfig(version=row["version"], changes=row["config"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
