"""What the ledger and the dead-letter queues say about the demo's jobs."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.aws import LocalAws
from local.demo import schedule
from local.demo.schedule import Fire
from muster.aws.sqs import Queues
from muster.letters.peek import DeadLetter, peek
from muster.model import Status
from muster.store.reader import Reader, reading
from muster.store.settings import DatabaseSettings

#: Dead letters looked at per queue: those of earlier runs lie there too.
_DEAD_LETTERS = 5000


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One execution of the ledger."""

    agent_id: str
    job_id: str
    execution_id: str
    status: Status
    attempts: int
    result: Any
    error: Mapping[str, Any] | None
    #: From the message's arrival to the settled record; None while it is under way.
    latency_ms: float | None
    #: When its first attempt started.
    started_at: datetime | None
    #: Messages recognised as copies.
    duplicates: int


class Records:
    """Looks the jobs of one run up."""

    def __init__(self, reader: Reader, *, job_ids: Sequence[str], since: datetime) -> None:
        self._reader = reader
        self._wanted: dict[str, Any] = {"job_ids": list(job_ids), "since": since}

    def read(self) -> list[Record]:
        """Their executions now."""
        return [
            Record(**{**row, "status": Status(row["status"])})
            for row in self._reader.rows("job_outcomes", self._wanted)
        ]

    def of(self, job_id: str) -> list[Record]:
        """The executions of another job now."""
        return Records(self._reader, job_ids=[job_id], since=self._wanted["since"]).read()

    def fires(self) -> list[Fire]:
        """The fires of the demo's schedule, planned and past."""
        wanted = {"agent": schedule.AGENT, "schedule": schedule.SCHEDULE}
        return [Fire.of(row) for row in self._reader.rows("fires_of_schedule", wanted)]

    def progress(self, agent: str, job_id: str) -> Any:
        """What a job's checkpoints have saved; None before the first."""
        rows = self._reader.rows("progress_of_job", {"agent": agent, "job_id": job_id})
        return rows[0]["state"] if rows else None


@contextmanager
def records(url: str, *, job_ids: Sequence[str], since: datetime) -> Generator[Records]:
    """Records of these jobs, if they were made after `since`."""
    with reading(DatabaseSettings.from_url(url), topic="jobs") as reader:
        yield Records(reader, job_ids=job_ids, since=since)


def dead_letters(
    aws: LocalAws, *, agents: Mapping[str, Any], job_ids: Sequence[str]
) -> list[DeadLetter]:
    """The dead letters of these jobs; all stay in their queues."""
    queues = Queues(client=aws.client("sqs"))
    wanted = set(job_ids)
    return [
        letter
        for name, agent in agents.items()
        for letter in peek(queues, agent["dlq_url"], agent_id=name, limit=_DEAD_LETTERS)
        if letter.job_id in wanted
    ]
