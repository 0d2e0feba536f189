"""The books as one job writes to them: each line of its file once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from muster import JobDatabase, RetryableError, StatementFailed

from .transaction import Transaction

#: Transactions of a file by line number.
Batch = Mapping[int, Transaction]

#: How often lines are asked about that share an id with others that are being posted right now.
_ROUNDS = 20

#: Of SQLSTATE: data that Postgres refuses, and constraints that it keeps.
_REFUSED = ("22", "23")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of a line that holds a transaction."""

    #: `posted`, `already_posted`, `conflict`, `unknown_account` or `refused`.
    state: str
    #: Of `already_posted` and `conflict`: the job and the line that had the transaction id first.
    first_job: str | None = None
    first_line: int | None = None


class Books:
    """The tables of one tenant, for one job."""

    def __init__(
        self, database: JobDatabase, *, tenant: str, job_id: str, open_accounts: bool
    ) -> None:
        self._database = database
        self._known = {"tenant": tenant, "job": job_id, "open_accounts": open_accounts}
        self._job_id = job_id

    def currencies(self) -> dict[str, int]:
        """Most decimals of an amount, by currency."""
        return dict(self._database.run("currencies"))

    def post(self, batch: Batch) -> dict[int, Verdict]:
        """Post these lines: all that can be, and nothing of the others."""
        return self._ask("post", batch)

    def check(self, batch: Batch) -> dict[int, Verdict]:
        """What `post` would say of these lines, all lines that were checked before posted."""
        return self._ask("check", batch)

    def forget(self) -> None:
        """Forget what `check` noted."""
        while self._database.run("forget", {"job": self._job_id}) != [(0,)]:
            pass

    def _ask(self, statement: Literal["post", "check"], batch: Batch) -> dict[int, Verdict]:
        verdicts: dict[int, Verdict] = {}
        for _ in range(_ROUNDS):
            left = {line: one for line, one in batch.items() if line not in verdicts}
            if not left:
                return verdicts
            verdicts |= self._once(statement, left)
        raise RetryableError(
            "others are posting the same transactions all the time; trying again later"
        )

    def _once(self, statement: Literal["post", "check"], batch: Batch) -> dict[int, Verdict]:
        lines: dict[str, Any] = {str(line): one.document() for line, one in batch.items()}
        try:
            rows = self._database.run(statement, {**self._known, "lines": lines})
        except StatementFailed as error:
            if (error.sqlstate or "")[:2] not in _REFUSED:
                raise
            return self._halves(statement, batch)
        return {
            line: Verdict(state=state, first_job=job, first_line=first)
            for line, state, job, first in rows
        }

    def _halves(self, statement: Literal["post", "check"], batch: Batch) -> dict[int, Verdict]:
        """Postgres refused a batch for one of its lines: the others are to be posted."""
        lines = list(batch)
        if len(lines) == 1:
            return {lines[0]: Verdict(state="refused")}
        middle = len(lines) // 2
        found: dict[int, Verdict] = {}
        for part in (lines[:middle], lines[middle:]):
            found |= self._once(statement, {line: batch[line] for line in part})
        return found
