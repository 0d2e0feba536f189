"""Makes a transaction of what a line holds, or says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from .flaw import Flaw
from .totals import Totals
from .transaction import Entry, Transaction

REQUIRED = frozenset({"transaction_id", "booked_on"})
#: A transaction of two entries in one currency; the only form that CSV has.
PAIR = frozenset({"debit_account", "credit_account", "amount", "currency"})
OPTIONAL = frozenset({"description"})
ENTRY = frozenset({"account", "amount", "currency"})

MOST_ENTRIES = 500
LONGEST_NAME = 128
LONGEST_DESCRIPTION = 1000

_AMOUNT = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,8})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def read_transaction(fields: Mapping[str, Any], currencies: Mapping[str, int]) -> Transaction:
    """The transaction that a line holds.

    Args:
        fields: by name; amounts are text or `Decimal`.
        currencies: code -> most decimals.

    Raises:
        Flaw: it holds none.
    """
    form = frozenset({"entries"}) if "entries" in fields else PAIR
    _check_names(fields, required=REQUIRED | form, optional=OPTIONAL)
    raw = _listed(fields["entries"]) if "entries" in fields else _pair(fields)
    entries = tuple(_entry(each, currencies) for each in raw)
    _check_balance(entries)
    return Transaction(
        id=_name("transaction_id", fields["transaction_id"]),
        booked_on=_day(fields["booked_on"]),
        description=_description(fields.get("description")),
        entries=entries,
    )


def _check_names(
    fields: Mapping[str, Any], *, required: frozenset[str], optional: frozenset[str]
) -> None:
    missing = sorted(name for name in required if fields.get(name) in (None, ""))
    if missing:
        raise Flaw("missing_field", f"has no {', '.join(missing)}")
    if not fields.keys() <= required | optional:
        known = ", ".join(sorted(required | optional))
        raise Flaw("unknown_field", f"has a field besides {known}: leave it out, or spell it so")


def _pair(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    amount = _amount(fields["amount"])
    if amount <= 0:
        raise Flaw("bad_amount", "amount is not above zero: swap the accounts instead")
    for account, signed in (("debit_account", amount), ("credit_account", -amount)):
        yield {"account": fields[account], "amount": signed, "currency": fields["currency"]}


def _listed(entries: object) -> Iterator[Mapping[str, Any]]:
    listed = cast("list[object]", entries) if isinstance(entries, list) else []
    if not 2 <= len(listed) <= MOST_ENTRIES:
        raise Flaw("bad_entries", f"entries is not a list of 2 to {MOST_ENTRIES}")
    for entry in listed:
        if not isinstance(entry, dict):
            raise Flaw("bad_entries", "entries holds something that is no object")
        named = cast("dict[str, Any]", entry)
        _check_names(named, required=ENTRY, optional=frozenset())
        yield named


def _entry(raw: Mapping[str, Any], currencies: Mapping[str, int]) -> Entry:
    currency, amount = raw["currency"], _amount(raw["amount"])
    decimals = currencies.get(currency) if isinstance(currency, str) else None
    if decimals is None:
        raise Flaw(
            "unknown_currency", "currency is none that the books know: use its ISO 4217 code"
        )
    if amount == 0:
        raise Flaw("bad_amount", "amount is zero")
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > decimals:
        raise Flaw("bad_amount", f"amount has more decimals than its currency: {decimals} at most")
    return Entry(account=_name("account", raw["account"]), currency=currency, amount=amount)


def _amount(raw: object) -> Decimal:
    if isinstance(raw, Decimal) or (isinstance(raw, int) and not isinstance(raw, bool)):
        text = str(raw)
    else:
        text = raw if isinstance(raw, str) else ""
    if not _AMOUNT.fullmatch(text):
        raise Flaw(
            "bad_amount",
            "amount is not digits with a point before at most 8 decimals, such as 1250.50",
        )
    return Decimal(text)


def _check_balance(entries: tuple[Entry, ...]) -> None:
    sums = Totals()
    for entry in entries:
        sums.add(entry.currency, entry.amount)
    if not sums.even():
        raise Flaw("out_of_balance", "entries do not sum to zero in each currency")


def _name(field: str, raw: object) -> str:
    if isinstance(raw, str) and 0 < len(raw) <= LONGEST_NAME and raw.isprintable():
        if raw == raw.strip():
            return raw
        raise Flaw("bad_name", f"{field} begins or ends with a space")
    raise Flaw("bad_name", f"{field} is not text of 1 to {LONGEST_NAME} printable characters")


def _day(raw: object) -> str:
    if isinstance(raw, str) and _DATE.fullmatch(raw):
        try:
            return date.fromisoformat(raw).isoformat()
        except ValueError as error:
            raise Flaw("bad_date", "booked_on is no day of the calendar") from error
    raise Flaw("bad_date", "booked_on is not written as YYYY-MM-DD")


def _description(raw: object) -> str | None:
    if raw in (None, ""):
        return None
    if not isinstance(raw, str) or len(raw) > LONGEST_DESCRIPTION or _CONTROL.search(raw):
        raise Flaw(
            "bad_description",
            f"description is not text of at most {LONGEST_DESCRIPTION} characters",
        )
    return raw
