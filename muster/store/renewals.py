"""Extends the leases of executions that a worker holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from muster.model import Claim
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements

#: Leases that are renewed by one statement.
PAGE = 500


class Renewals:
    """Renews leases on one connection.

    Args:
        worker: under whose name they were claimed.
    """

    def __init__(self, database: Database, *, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._sql = statements("renewals")

    def renew(
        self, claims: Sequence[Claim], *, lease: timedelta, waiting: Collection[str] = ()
    ) -> dict[tuple[str, int], bool]:
        """Extend the leases to `lease` from now, by the database's clock.

        Args:
            waiting: execution ids of those whose function has not begun.

        Returns:
            Execution id and fence -> whether the job was asked to stop. What is missing is lost.

        Raises:
            StoreUnavailable: it is not known which were renewed.
        """
        answer: dict[tuple[str, int], bool] = {}
        for start in range(0, len(claims), PAGE):
            page = claims[start : start + PAGE]
            held = [
                {
                    "execution_id": claim.execution_id,
                    "created_at": claim.created_at.isoformat(),
                    "fence": claim.fence,
                    "waits": claim.execution_id in waiting,
                }
                for claim in page
            ]
            rows = self._database.run(
                self._sql["renew_leases"],
                {
                    "held": document(held),
                    "count": len(held),
                    "lease_seconds": lease.total_seconds(),
                    "worker": self._worker,
                },
            )
            answer |= {(execution_id, fence): stop for execution_id, fence, stop in rows}
        return answer

    def answers(self) -> bool:
        """Whether the database can be written.

        Raises:
            StoreUnavailable: it cannot be reached.
        """
        ((writable,),) = self._database.run(self._sql["answers"])
        return bool(writable)
