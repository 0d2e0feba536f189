"""The registry as one tenant sees it: its own agents, and those of everybody (the tenant `default`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from muster.model import JsonObject
from muster.store.connection import Database
from muster.store.document import document, whole
from muster.store.registry import guarded, type_row
from muster.store.statements import statements


class Standing(StrEnum):
    """What became of a registration."""

    CREATED = "created"
    UPDATED = "updated"
    #: It says what is there already.
    UNCHANGED = "unchanged"
    #: A stack deploys an agent of that id.
    DEPLOYED = "deployed"
    #: Another tenant has an agent of that id.
    TAKEN = "taken"


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSearch:
    """Which agents; None filters nothing."""

    agent_id: str | None = None
    enabled: bool | None = None
    capability: str | None = None
    tag: str | None = None
    #: False: those whose endpoint failed when it was asked; True: all others.
    healthy: bool | None = None
    #: The agent where the last page ended.
    after: str | None = None
    limit: int = 500


class TenantAgents:
    """The agents of one tenant. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database, *, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._sql = statements("tenant_agents")
        self._registry = statements("registry")

    def page(self, search: AgentSearch) -> list[JsonObject]:
        """Active agents, by their id."""
        return [row[0] for row in self._run("tenant_agents", **asdict(search))]

    def find(self, agent_id: str) -> JsonObject | None:
        """The active version of one."""
        found = self.page(AgentSearch(agent_id=agent_id, limit=1))
        return found[0] if found else None

    def register(self, row: type_row) -> Standing:
        """Make this version of an agent, which no stack deploys, the active one."""
        before = self._standing(row)
        if before in (Standing.TAKEN, Standing.DEPLOYED):
            return before
        changed = self._database.run(
            self._registry["upsert_agents"],
            guarded(document([{**whole(row), "tenant": self._tenant, "owner": None}])),
        )
        if changed:
            return before
        after = self._standing(row)
        return Standing.UNCHANGED if after is Standing.UPDATED else after

    def switch(self, agent_id: str, *, enabled: bool) -> bool:
        """Switch the tenant's own agent on or off; false: it has none of that id."""
        ((changed,),) = self._run("switch_tenant_agent", agent_id=agent_id, enabled=enabled)
        return bool(changed)

    def retire(self, agent_id: str) -> bool:
        """Retire the tenant's own agent; false: it has none that was registered by hand."""
        ((changed,),) = self._run("retire_tenant_agent", agent_id=agent_id)
        return bool(changed)

    def _standing(self, row: type_row) -> Standing:
        ((there, taken, deployed),) = self._run(
            "agent_standing", agent_id=row["agent_id"], agent_version=row["agent_version"]
        )
        if taken:
            return Standing.TAKEN
        if deployed:
            return Standing.DEPLOYED
        return Standing.UPDATED if there else Standing.CREATED

    def _run(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._database.run(self._sql[name], {**parameters, "tenant": self._tenant})
