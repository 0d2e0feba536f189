"""What became of the lines of a file so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .books import Verdict
from .flaw import Flaw
from .record import Record
from .totals import Totals
from .transaction import Transaction

_COUNTS = ("records", "posted", "already_posted", "conflicts", "rejected")

_TEXTS = {
    "unknown_account": "names an account that is not open: open it, or set open_accounts to true",
    "refused": "is refused by the database",
}


class Tally:
    """Counts, totals by currency and problems; a bounded number of them, however many there are.

    Args:
        state: what `state` gave before.
        reported: how many problems are kept; all are counted.
    """

    def __init__(self, state: Mapping[str, Any] | None = None, *, reported: int) -> None:
        known = state or {}
        self._counts: dict[str, int] = {name: known.get(name, 0) for name in _COUNTS}
        self._totals = Totals(known.get("totals"))
        self._problems: list[dict[str, Any]] = list(known.get("problems", []))
        self._reported = reported

    def state(self) -> dict[str, Any]:
        """For a checkpoint, and for the result."""
        return {**self._counts, "totals": self._totals.shown(), "problems": list(self._problems)}

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    @property
    def wrong(self) -> int:
        """How many lines are neither posted nor were before."""
        return self["conflicts"] + self["rejected"]

    def add_flaw(self, record: Record, flaw: Flaw) -> None:
        """A record that holds no transaction."""
        self._counts["records"] += 1
        self._reject(record, flaw.code, flaw.text)

    def add(self, record: Record, transaction: Transaction, verdict: Verdict) -> None:
        """A record that holds a transaction."""
        self._counts["records"] += 1
        match verdict.state:
            case "posted":
                self._counts["posted"] += 1
                for entry in transaction.entries:
                    if entry.amount > 0:
                        self._totals.add(entry.currency, entry.amount)
            case "already_posted":
                self._counts["already_posted"] += 1
            case "conflict":
                self._counts["conflicts"] += 1
                where = f"line {verdict.first_line} of job {verdict.first_job}"
                self._tell(
                    record, "conflict", f"has a transaction id that {where} has with other content"
                )
            case state:
                self._reject(record, state, _TEXTS[state])

    def problems(self, most: int) -> list[str]:
        """The first problems as sentences."""
        return [f"line {each['line']} {each['problem']}" for each in self._problems[:most]]

    def _reject(self, record: Record, code: str, text: str) -> None:
        self._counts["rejected"] += 1
        self._tell(record, code, text)

    def _tell(self, record: Record, code: str, text: str) -> None:
        if len(self._problems) < self._reported:
            known = {"line": record.line, "last_line": record.end.line}
            self._problems.append({**known, "code": code, "problem": text})
