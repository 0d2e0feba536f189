"""A transaction: entries that sum to zero in each currency."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from .totals import plain


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a transaction does to one account."""

    account: str
    currency: str
    #: A debit is positive, a credit negative; never zero.
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One transaction, whatever form it came in."""

    id: str
    #: ISO 8601.
    booked_on: str
    description: str | None
    entries: tuple[Entry, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content: the same for the same transaction in another form or order of entries."""
        content = [self.booked_on, self.description, sorted(map(_listed, self.entries))]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """As the statements take it."""
        return {
            "id": self.id,
            "digest": self.digest,
            "booked_on": self.booked_on,
            "description": self.description,
            "entries": [
                {"account": e.account, "currency": e.currency, "amount": plain(e.amount)}
                for e in self.entries
            ],
        }


def _listed(entry: Entry) -> list[str]:
    return [entry.account, entry.currency, plain(entry.amount)]
