"""Schedules as operators see and use them, on an ordinary connection in autocommit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from muster.model import JsonObject
from muster.retry import RELAY_GRACE
from muster.schedule.fire import fire_id
from muster.schedule.rule import Rule
from muster.store.document import document
from muster.store.identifier import new_execution_id
from muster.store.reader import Reader

if TYPE_CHECKING:
    from psycopg2 import extensions

#: Most planned times that one statement looks up or records.
PAGE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled:
    """A schedule of a registered agent."""

    agent_id: str
    tenant: str
    name: str
    generation: int
    rule: Rule
    #: on | paused | disabled | broken | agent off
    state: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """A row of `list_schedules`.

        Raises:
            BadRule: it can never fire.
        """
        return cls(
            agent_id=row["agent_id"],
            tenant=row["tenant"],
            name=row["name"],
            generation=row["generation"],
            rule=Rule(
                kind=row["kind"],
                expression=row["expression"],
                timezone=row["timezone"],
                start=row["start_at"],
                end=row["end_at"],
            ),
            state=row["state"],
        )

    def job_id(self, planned: datetime, *, generation: int | None = None) -> str:
        """Of the fire for a planned time."""
        return fire_id(
            tenant=self.tenant,
            name=self.name,
            generation=self.generation if generation is None else generation,
            planned=planned,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedFire:
    """An execution that was recorded just now."""

    execution_id: str
    job_id: str
    params: JsonObject
    priority: str
    tenant: str
    scheduled_for: datetime
    queues: Mapping[str, str]


class OperatedSchedules:
    """The table of schedules."""

    def __init__(self, connection: extensions.connection) -> None:
        self._reader = Reader(connection, topic="operate")

    def rows(
        self,
        *,
        agent: str | None,
        name: str | None = None,
        tenant: str | None = None,
        retired: bool = False,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Schedules by agent and name."""
        return self._reader.rows(
            "list_schedules",
            {"agent": agent, "name": name, "tenant": tenant, "all": retired, "limit": limit},
        )

    def pause(self, *, agent: str, name: str, tenant: str, paused: bool) -> bool | None:
        """Pause or resume; whether that changed something, None when there is no such schedule."""
        rows = self._reader.rows(
            "pause_schedule", {"agent": agent, "name": name, "tenant": tenant, "paused": paused}
        )
        return rows[0]["changed"] if rows else None

    def known(self, schedule: Scheduled, planned: Sequence[datetime]) -> dict[datetime, str]:
        """Which of these planned times have an execution already, under any generation; with its state."""
        found: dict[datetime, str] = {}
        for start in range(0, len(planned), PAGE):
            ids = {
                schedule.job_id(moment, generation=generation): moment
                for moment in planned[start : start + PAGE]
                for generation in range(1, schedule.generation + 1)
            }
            rows = self._reader.rows(
                "known_fires", {"agent": schedule.agent_id, "job_ids": list(ids)}
            )
            found |= {ids[row["job_id"]]: row["status"] or "pruned" for row in rows}
        return found

    def record(
        self, schedule: Scheduled, fires: Mapping[str, datetime], *, params: JsonObject | None
    ) -> list[RecordedFire] | None:
        """Record executions for at most `PAGE` job ids with their planned times; those that are new.

        None: the schedule has changed since it was read, or its agent takes no jobs.
        """
        now = datetime.now(UTC)
        wanted = [
            {
                "execution_id": new_execution_id(now=now),
                "job_id": job_id,
                "planned_at": planned.isoformat(),
            }
            for job_id, planned in fires.items()
        ]
        rows = self._reader.rows(
            "record_fires",
            {
                "agent": schedule.agent_id,
                "name": schedule.name,
                "tenant": schedule.tenant,
                "generation": schedule.generation,
                "fires": document(wanted),
                "params": None if params is None else document(params),
                "grace_seconds": RELAY_GRACE.total_seconds(),
            },
        )
        if not rows:
            return None
        fields = (
            "execution_id",
            "job_id",
            "params",
            "priority",
            "tenant",
            "scheduled_for",
            "queues",
        )
        return [
            RecordedFire(**{field: row[field] for field in fields}) for row in rows if row["job_id"]
        ]
