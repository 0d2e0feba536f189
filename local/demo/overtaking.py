"""An urgent job that overtakes jobs that were there before it."""

from __future__ import annotations

from local.demo.job import PlannedJob
from local.demo.messages import Messages
from muster.message.envelope import envelope

AGENT = "overtakes"
#: Jobs that are sent first, two at a time and each half a second: they outlast a worker's cold start on a
#: busy machine, which is what the urgent one may have to wait for.
_PATIENT = 60
_URGENT = "urgent"


def patient(*, run: str) -> list[PlannedJob]:
    """The jobs that are sent first."""
    return [
        _job(f"demo-{run}-patient-{number:02}", what="a patient job") for number in range(_PATIENT)
    ]


def urgent(*, run: str) -> PlannedJob:
    """The job that is sent when the others are."""
    return _job(f"demo-{run}-urgent", what="an urgent job", lane=_URGENT)


class Overtaking:
    """Judges the order in which the jobs of one run started."""

    def __init__(self, messages: Messages, *, run: str) -> None:
        self._messages = messages
        self._urgent = urgent(run=run).job_id

    what = "an urgent job that overtakes"

    def over(self) -> bool:
        """Its jobs are watched among all the others."""
        return True

    @property
    def overtaken(self) -> int:
        """How many of the jobs that were there before it started after the urgent one."""
        started = {
            r.job_id: r.started_at
            for r in self._messages.records
            if r.agent_id == AGENT and r.started_at is not None
        }
        first = started.pop(str(self._urgent), None)
        return 0 if first is None else sum(at > first for at in started.values())

    def problems(self) -> list[str]:
        return [] if self.overtaken else [f"{AGENT} ({self.what}): it overtook nobody"]


def _job(job_id: str, *, what: str, lane: str = "normal") -> PlannedJob:
    body = envelope(job_id=job_id, agent_id=AGENT, params={}, priority=lane)
    return PlannedJob(what=what, agent=AGENT, job_id=job_id, body=body, lane=lane)
