"""Instances as one tenant sees them. Documents come as Postgres built them: JSON, with times in ISO 8601."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from muster.model import JsonObject
from muster.store.connection import Database
from muster.store.document import document, whole
from muster.store.statements import statements

#: Most instances of one answer.
MOST = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What instances must have; what is not said filters nothing."""

    agent_id: str | None = None
    agent_type: str | None = None
    condition: str | None = None
    version: str | None = None
    capabilities: Sequence[str] = ()
    services: Sequence[str] = ()
    tags: Sequence[str] = ()
    min_health: float = 0.0
    min_capacity: int = 0
    limit: int = MOST


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """What an instance says with a heartbeat; None: as before."""

    reported: str | None = None
    running_jobs: int | None = None
    capacity: int | None = None
    load_metrics: JsonObject | None = None


class TenantInstances:
    """The instances of one tenant. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database, *, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._sql = statements("tenant_instances")

    def register(
        self, instance_id: str, *, facts: JsonObject, agents: Sequence[str]
    ) -> bool | None:
        """Register an instance, or say anew what it is; whether it is new. None: another tenant has that id.

        Args:
            facts: columns of `agent_instance` by name; those that are left out get the table's defaults.
            agents: ids of the agents that it serves.
        """
        rows = self._run(
            "register_instance",
            instance_id=instance_id,
            facts=document(whole(facts)),
            agents=list(dict.fromkeys(agents)),
        )
        return rows[0][0] if rows else None

    def find(self, instance_id: str) -> JsonObject | None:
        """One instance as it is now."""
        rows = self._run("find_instance", instance_id=instance_id)
        return rows[0][0] if rows else None

    def discover(self, search: Search) -> list[JsonObject]:
        """Those that fit, the healthiest first."""
        wanted = asdict(search)
        for name in ("capabilities", "services", "tags"):
            wanted[name] = list(wanted[name])
        return [row[0] for row in self._run("discover_instances", **wanted)]

    def beat(self, instance_id: str, beat: Beat) -> str | None:
        """The instance is alive; the time that was noted. None: there is none, or it has deregistered."""
        metrics = None if beat.load_metrics is None else document(beat.load_metrics)
        said = {**asdict(beat), "load_metrics": metrics}
        rows = self._run("instance_heartbeat", instance_id=instance_id, **said)
        return rows[0][0] if rows else None

    def report(
        self,
        instance_id: str,
        *,
        condition: str,
        load_metrics: JsonObject | None,
        by_operator: bool,
    ) -> bool:
        """Note what an instance says of itself, or what an operator orders; false: there is none.

        An order (`maintenance`, `inactive`) holds until an operator says something else.
        """
        metrics = None if load_metrics is None else document(load_metrics)
        ((changed,),) = self._run(
            "instance_report",
            instance_id=instance_id,
            condition=condition,
            load_metrics=metrics,
            by_operator=by_operator,
        )
        return bool(changed)

    def deregister(self, instance_id: str) -> bool:
        """The instance ends; its row stays. False: there is none."""
        return bool(self._run("deregister_instance", instance_id=instance_id))

    def _run(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._database.run(self._sql[name], {**parameters, "tenant": self._tenant})
