"""Sums of money by currency, exact."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact

#: More digits than all the money of a file has; a sum that had to be rounded would raise.
_EXACT = Context(prec=80, traps=[Inexact])


def plain(amount: Decimal) -> str:
    """The amount as text, the same for 12.3 and 12.30, and without an exponent."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Totals:
    """What was added up so far, by currency."""

    def __init__(self, sums: Mapping[str, str] | None = None) -> None:
        self._sums = {currency: Decimal(text) for currency, text in (sums or {}).items()}

    def add(self, currency: str, amount: Decimal) -> None:
        """Add an amount."""
        self._sums[currency] = _EXACT.add(self._sums.get(currency, Decimal(0)), amount)

    def even(self) -> bool:
        """Whether each currency comes to zero."""
        return not any(self._sums.values())

    def shown(self) -> dict[str, str]:
        """As JSON holds it."""
        return {currency: plain(self._sums[currency]) for currency in sorted(self._sums)}
