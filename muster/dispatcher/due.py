"""A schedule that is due, and what it fires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from muster.dispatcher.carrier import carrier
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.planning import Decision
from muster.model import Source
from muster.ports import Outgoing
from muster.schedule.fire import fire_id
from muster.schedule.jitter import start_of
from muster.store.identifier import new_execution_id


class Due(NamedTuple):
    """A schedule that is due: a row of `schedules_due`."""

    #: Where the row was found.
    place: str
    agent_id: str
    tenant: str
    name: str
    generation: int
    kind: str
    expression: str
    timezone: str
    start: datetime | None
    end: datetime | None
    #: skip | latest | all
    missed: str
    jitter_seconds: int
    #: None: they are too large for a message and stay in the row.
    params: Mapping[str, Any] | None
    priority: str
    effective: datetime
    next_at: datetime | None
    #: JSON: lane to queue URL; None: its agent takes no jobs.
    queues: str | None

    def fire(
        self,
        planned: datetime | None,
        *,
        now: datetime,
        queues: Mapping[str, str],
        lanes: LaneChoice,
    ) -> Fire | None:
        """What is to be sent for a planned time."""
        if planned is None or not queues:
            return None
        job_id = fire_id(
            tenant=self.tenant, name=self.name, generation=self.generation, planned=planned
        )
        jitter = timedelta(seconds=self.jitter_seconds)
        return Fire(
            due=self,
            planned=planned,
            starts_at=start_of(planned, job_id=job_id, jitter=jitter) if jitter else planned,
            execution_id=new_execution_id(now=now),
            job_id=job_id,
            queue_url=lanes.url(self.agent_id, queues, self.priority),
        )

    def fields(self, decision: Decision, fire: Fire | None) -> dict[str, Any]:
        """The row that the statement `fire` takes; what is absent is null there."""
        row: dict[str, Any] = {
            "place": self.place,
            "agent_id": self.agent_id,
            "tenant": self.tenant,
            "name": self.name,
            "generation": self.generation,
            "seen": decision.seen,
            "next_at": decision.next_at,
        }
        if decision.problem is not None:
            row["problem"] = decision.problem
        if decision.step.missed:
            row["missed"] = decision.step.missed
        if fire is not None:
            row["planned_at"] = decision.planned
            row["execution_id"] = fire.execution_id
            row["job_id"] = fire.job_id
            if fire.starts_at is not fire.planned:
                row["starts_at"] = fire.starts_at.isoformat()
        return row


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire:
    """One planned time of a schedule that fires now."""

    due: Due
    planned: datetime
    #: The planned time, or with jitter a while later.
    starts_at: datetime
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
