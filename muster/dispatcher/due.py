"""A schedule that is due, and what it fires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from muster.dispatcher.carrier import carrier
from muster.dispatcher.lane_choice import LaneChoice
from muster.model import Source
from muster.ports import Outgoing
from muster.schedule.fire import fire_id
from muster.schedule.rule import Rule
from muster.schedule.step import Step
from muster.store.connection import Row
from muster.store.identifier import new_execution_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A schedule that is due, as it was read."""

    agent_id: str
    tenant: str
    name: str
    generation: int
    kind: str
    expression: str
    timezone: str
    start: datetime | None
    end: datetime | None
    params: Mapping[str, Any]
    priority: str
    effective: datetime
    next_at: datetime | None
    #: Lane to queue URL; None: its agent takes no jobs.
    queues: Mapping[str, str] | None
    #: The database's time.
    now: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """A row of `schedules_due`."""
        return cls(**dict(zip(cls.__dataclass_fields__, row, strict=True)))

    def rule(self) -> Rule:
        """When it fires.

        Raises:
            BadRule: never.
        """
        return Rule(
            kind=self.kind,
            expression=self.expression,
            timezone=self.timezone,
            start=self.start,
            end=self.end,
        )

    def fire(self, planned: datetime | None, lanes: LaneChoice) -> Fire | None:
        """What is to be sent for a planned time; nothing when its agent takes no jobs."""
        if planned is None or self.queues is None:
            return None
        identity = fire_id(
            tenant=self.tenant, name=self.name, generation=self.generation, planned=planned
        )
        return Fire(
            due=self,
            planned=planned,
            execution_id=new_execution_id(now=self.now),
            job_id=identity,
            queue_url=lanes.url(self.agent_id, self.queues, self.priority),
        )

    def fields(self, decided: Step, fire: Fire | None, problem: str | None) -> dict[str, Any]:
        """The row that the statement `fire` takes."""
        return {
            "agent_id": self.agent_id,
            "tenant": self.tenant,
            "name": self.name,
            "generation": self.generation,
            "seen": _text(self.next_at),
            "next_at": _text(decided.next_at),
            "problem": problem,
            "planned_at": _text(fire and fire.planned),
            "execution_id": fire and fire.execution_id,
            "job_id": fire and fire.job_id,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire:
    """One planned time of a schedule that fires now."""

    due: Due
    planned: datetime
    execution_id: str
    job_id: str
    queue_url: str

    def message(self, wait: float) -> Outgoing:
        """Its message; SQS counts whole seconds, the worker waits out the rest of the last one."""
        return carrier(
            delay=timedelta(seconds=max(0, int(wait))),
            params=self.due.params,
            job_id=self.job_id,
            agent_id=self.due.agent_id,
            tenant=self.due.tenant,
            priority=self.due.priority,
            source=Source.SCHEDULE,
            scheduled_for=self.planned,
        )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
