"""Schedules that are due and ask the same question, and what they fire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from muster.dispatcher.planning import Decision
from muster.schedule.fire import fire_id, moment_of
from muster.schedule.jitter import start_of


class Due(NamedTuple):
    """Schedules of one rule and one next time: a row of `schedules_due`."""

    kind: str
    expression: str
    timezone: str
    start: datetime | None
    end: datetime | None
    #: skip | latest | all
    missed: str
    #: None: nobody has planned it yet; then `effective` is set.
    next_at: datetime | None
    effective: datetime | None
    #: Whether their agents take jobs.
    ready: bool
    #: The longest; with one this is a single schedule.
    jitter_seconds: int
    #: One of them; where it is the only one, that.
    agent_id: str
    tenant: str
    name: str
    generation: int
    #: How many they are.
    size: int
    #: Where and as which version their rows were read: arrays, as Postgres writes them.
    places: str
    versions: str

    def fields(self, decision: Decision, *, before: int) -> dict[str, Any]:
        """The step that the statement `fire` takes; what is absent is null there.

        Args:
            before: schedules of the same page that were numbered before these.
        """
        step: dict[str, Any] = {
            "places": self.places,
            "versions": self.versions,
            "before": before,
            "next_at": decision.next_at,
        }
        if decision.problem is not None:
            step["problem"] = decision.problem
        if decision.step.missed:
            step["missed"] = decision.step.missed
        if decision.step.planned is not None and self.ready:
            step["planned_at"] = decision.planned
            step["moment"] = moment_of(decision.step.planned)
            if self.jitter_seconds:
                step["starts_at"] = self._start(decision.step.planned).isoformat()
        return step

    def _start(self, planned: datetime) -> datetime:
        job_id = fire_id(
            tenant=self.tenant, name=self.name, generation=self.generation, planned=planned
        )
        return start_of(planned, job_id=job_id, jitter=timedelta(seconds=self.jitter_seconds))


class Fire(NamedTuple):
    """A planned time that fires now, recorded and to be sent."""

    #: When it is to appear: a moment of the monotonic clock.
    at: float
    queue_url: str
    body: str
    agent_id: str
    job_id: str
