"""What the ledger knows of dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements


class Standing(StrEnum):
    """How the execution of a letter's job stands."""

    FAILED = "failed"  # by the very failure that the letter tells of
    MOVED_ON = "moved_on"  # redriven, finished, or on its way: the letter means nothing any more
    UNRECORDED = "unrecorded"  # nobody has heard of the job


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The ledger's answer to one job of one letter."""

    standing: Standing
    redrives: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterQueue:
    """An agent's queues."""

    agent_id: str
    enabled: bool
    #: Lane to queue URL.
    lanes: Mapping[str, str]
    dead_letters: str


class DeadLetters:
    """Asks the ledger of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("dead_letters")

    def standings(self, agent_id: str, failures: Sequence[tuple[str, int | None]]) -> list[Known]:
        """How each (job id, fence of its letter) stands, in order.

        Raises:
            StoreUnavailable: no answer in time.
        """
        if not failures:
            return []
        letters = [
            {"position": position, "job_id": job_id, "fence": fence}
            for position, (job_id, fence) in enumerate(failures)
        ]
        rows = self._database.run(
            self._sql["letter_standings"],
            {"letters": document(letters), "count": len(letters), "agent_id": agent_id},
        )
        return [
            Known(standing=Standing(standing), redrives=redrives)
            for _, standing, redrives in sorted(rows)
        ]

    def queues(self, tenant: str) -> list[LetterQueue]:
        """Queues of the agents that are this tenant's own.

        Raises:
            StoreUnavailable: no answer in time.
        """
        return self._queues(tenant, None)

    def queue(self, tenant: str, agent_id: str) -> LetterQueue | None:
        """Queues of one agent that takes the tenant's jobs; None: there is no such agent.

        Raises:
            StoreUnavailable: no answer in time.
        """
        return next(iter(self._queues(tenant, agent_id)), None)

    def _queues(self, tenant: str, agent_id: str | None) -> list[LetterQueue]:
        rows = self._database.run(
            self._sql["letter_queues"], {"tenant": tenant, "agent_id": agent_id}
        )
        return [
            LetterQueue(agent_id=id_, enabled=enabled, lanes=lanes, dead_letters=dead_letters)
            for id_, enabled, lanes, dead_letters in rows
        ]
