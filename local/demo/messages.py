"""The jobs of the messages that were sent: one record each, as planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from local.demo.job import PlannedJob
from local.demo.records import Record
from local.demo.verdict import problems
from muster.letters.peek import DeadLetter


class Messages:
    """Watches the records of the jobs that were sent.

    Args:
        read: their records now.
        buried: their dead letters now.
    """

    def __init__(
        self,
        sent: Sequence[PlannedJob],
        *,
        read: Callable[[], list[Record]],
        buried: Callable[[], list[DeadLetter]],
    ) -> None:
        self._sent = sent
        self._read = read
        self._buried = buried
        self.records: list[Record] = []
        self.dead: list[DeadLetter] = []

    @property
    def copies(self) -> int:
        """Messages sent, copies included."""
        return sum(job.copies for job in self._sent)

    @property
    def what(self) -> str:
        """The first job that has not ended, and how many have."""
        ended = {(r.agent_id, r.job_id) for r in self.records if r.status.terminal}
        waiting = [job for job in self._sent if (job.agent, job.job_id) not in ended]
        first = waiting[0].what if waiting else "the duplicates to be counted"
        return f"{first} ({len(ended)} of {len(self._sent)} jobs ended)"

    def over(self) -> bool:
        self.records = self._read()
        ended = sum(record.status.terminal for record in self.records)
        duplicates = sum(record.duplicates for record in self.records)
        return ended >= len(self._sent) and duplicates >= self.copies - len(self._sent)

    def problems(self) -> list[str]:
        self.dead = self._buried()
        return problems(self._sent, records=self.records, dead=self.dead)
