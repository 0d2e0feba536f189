"""A short way to speak to the run ledger of a test database, and to look at what it wrote."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg2

from muster.model import Claim, Claimant, Delivery, ErrorRecord, Judgement, Outcome, Status, Verdict
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.settings import DatabaseSettings

AGENT = "tester"
MINUTE = timedelta(minutes=1)
FAILURE = ErrorRecord(message="it broke", code="agent_error", retryable=True, error_class="Broken")

_numbers = itertools.count(1)


def query(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    """Run one statement, committed; its rows by column name."""
    with closing(psycopg2.connect(url)) as connection, connection:
        return _fetch(connection, statement, parameters)


@contextmanager
def held(url: str, statement: str, *parameters: Any) -> Iterator[None]:
    """Inside the block, another session keeps the locks of this statement."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        yield
        connection.rollback()


def database_of(url: str, **options: Any) -> Database:
    """A product connection to this URL."""
    settings = DatabaseSettings.from_url(url)
    return Database(lambda _refresh: settings, **options)


def claimant(**changes: Any) -> Claimant:
    """A worker of the agent `tester`, three attempts a job."""
    values: dict[str, Any] = {
        "agent_id": AGENT,
        "agent_version": "1.0.0",
        "max_attempts": 3,
        "worker": "worker-1",
    }
    return Claimant(**{**values, **changes})


def delivery(job_id: str, message_id: str | None = None, **changes: Any) -> Delivery:
    """A message that asks for this job; every one has a message id of its own unless given."""
    values: dict[str, Any] = {
        "job_id": job_id,
        "message_id": message_id or f"{job_id}-message-{next(_numbers)}",
        "params": {"n": 1},
    }
    return Delivery(**{**values, **changes})


def outcome(claim: Claim, kind: str, **changes: Any) -> Outcome:
    """An attempt that ended so: completed, failed, cancelled, retried, snoozed or handed_back."""
    status = Status(kind) if kind in ("completed", "failed", "cancelled") else Status.PENDING
    error = FAILURE if kind in ("failed", "retried") else None
    values: dict[str, Any] = {"claim": claim, "status": status, "kind": kind, "error": error}
    return Outcome(**{**values, **changes})


def _fetch(connection: Any, statement: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        if not cursor.description:
            return []
        # psycopg2's own cursor of dicts sets each column by itself, and this is asked thousands of times.
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class Clerk:
    """One worker's view of one ledger."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = database_of(url)
        self.ledger = Ledger(self.database)
        self._looking = psycopg2.connect(url)
        self._looking.autocommit = True

    def close(self) -> None:
        """Leave no connection behind."""
        self.database.close()
        self._looking.close()

    def claim(
        self, *deliveries: Delivery, lease: timedelta = MINUTE, **who: Any
    ) -> list[Judgement]:
        """Claim these deliveries as one batch."""
        return self.ledger.claim(deliveries, claimant=claimant(**who), lease=lease)

    def judge(self, *deliveries: Delivery, **options: Any) -> list[Verdict]:
        """Claim, and only the verdicts."""
        return [judgement.verdict for judgement in self.claim(*deliveries, **options)]

    def take(self, job_id: str, message_id: str | None = None, **options: Any) -> Claim:
        """Claim one job, which must be taken."""
        [judgement] = self.claim(delivery(job_id, message_id), **options)
        assert judgement.verdict is Verdict.TAKEN
        assert judgement.claim is not None
        return judgement.claim

    def take_redrive(self, job_id: str, *, fence: int) -> Claim:
        """Claim the dead letter of the failure with this fence, which must be taken."""
        [judgement] = self.claim(delivery(job_id, dead_letter_fence=fence))
        assert judgement.claim is not None
        return judgement.claim

    def settle(self, claim: Claim, kind: str, **changes: Any) -> Status | None:
        """Settle one claim; None when the ledger refused."""
        return self.ledger.settle([outcome(claim, kind, **changes)]).get(claim.execution_id)

    def row(self, job_id: str) -> dict[str, Any]:
        """The execution of a job; there must be exactly one."""
        [row] = self.query("SELECT * FROM agent_job_execution WHERE job_id = %s", job_id)
        return row

    def events(self, job_id: str) -> list[dict[str, Any]]:
        """What the log says of a job, in order."""
        return self.query(
            "SELECT v.* FROM execution_event v JOIN agent_job_execution e USING (execution_id)"
            " WHERE e.job_id = %s ORDER BY v.id",
            job_id,
        )

    def story(self, job_id: str) -> list[str]:
        """The kinds of its events, in order."""
        return [event["kind"] for event in self.events(job_id)]

    def expire(self, job_id: str) -> None:
        """The worker that holds it is gone: its lease ended long ago."""
        self.change(job_id, "lease_expires_at = now() - interval '1 minute'")

    def change(self, job_id: str, assignment: str) -> None:
        """Change a row as time or a person with SQL would."""
        self.query(f"UPDATE agent_job_execution SET {assignment} WHERE job_id = %s", job_id)

    def waiting_sessions(self) -> int:
        """How many sessions of this database wait for a lock."""
        return len(
            self.query(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    def register(self, agent_id: str = AGENT, **columns: Any) -> None:
        """Register an agent by plain SQL."""
        values = {"agent_id": agent_id, **columns}
        names, places = ", ".join(values), ", ".join(["%s"] * len(values))
        self.query(f"INSERT INTO agent_registry ({names}) VALUES ({places})", *values.values())

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """See `query`."""
        return _fetch(self._looking, statement, parameters)


@contextmanager
def ledger_at(url: str, **options: Any) -> Iterator[Ledger]:
    """A worker's ledger behind this URL, on a connection of its own."""
    with closing(database_of(url, **options)) as database:
        yield Ledger(database)


def claim_one(ledger: Ledger, job_id: str = "j", message_id: str = "m") -> Judgement:
    """Claim one job there."""
    batch = [delivery(job_id, message_id)]
    return ledger.claim(batch, claimant=claimant(), lease=MINUTE)[0]
