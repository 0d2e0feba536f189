"""What a line must hold to be a transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.bookkeeping import part

Flaw = part("flaw").Flaw
CURRENCIES = {"EUR": 2, "JPY": 0, "BHD": 3}

PAIR: dict[str, Any] = {
    "transaction_id": "t-1",
    "booked_on": "2026-01-31",
    "debit_account": "bank",
    "credit_account": "sales",
    "amount": "12.30",
    "currency": "EUR",
}
LISTED: dict[str, Any] = {
    "transaction_id": "t-1",
    "booked_on": "2026-01-31",
    "entries": [
        {"account": "bank", "amount": "12.3", "currency": "EUR"},
        {"account": "sales", "amount": "-12.3", "currency": "EUR"},
    ],
}


def read(fields: dict[str, Any], **changes: Any) -> Any:
    return part("reading").read_transaction({**fields, **changes}, CURRENCIES)


def entries(*listed: tuple[str, Any, str]) -> list[dict[str, Any]]:
    return [{"account": a, "amount": m, "currency": c} for a, m, c in listed]


def test_a_pair_is_a_debit_and_a_credit():
    found = read(PAIR)
    assert [(e.account, e.amount, e.currency) for e in found.entries] == [
        ("bank", Decimal("12.30"), "EUR"),
        ("sales", Decimal("-12.30"), "EUR"),
    ]
    assert found.document()["entries"][0]["amount"] == "12.3"


def test_the_same_transaction_has_one_digest_in_every_form():
    same = [
        read(PAIR),
        read(PAIR, description=""),
        read(LISTED),
        read(LISTED, entries=LISTED["entries"][::-1]),
        read(PAIR, amount=Decimal("12.3")),
    ]
    assert len({each.digest for each in same}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"booked_on": "2026-02-01"},
        {"debit_account": "cash"},
        {"credit_account": "other"},
        {"amount": "12.31"},
        {"currency": "BHD"},
        {"description": "x"},
    ],
)
def test_any_other_content_has_another_digest(changes: dict[str, Any]):
    assert read(PAIR, **changes).digest != read(PAIR).digest


def test_several_accounts_and_currencies_balance_each_for_itself():
    found = read(
        LISTED,
        entries=entries(
            ("bank:eur", "-100", "EUR"),
            ("fees", 1, "EUR"),
            ("fx", Decimal("99.00"), "EUR"),
            ("fx", "-16000", "JPY"),
            ("bank:jpy", "16000.00", "JPY"),
        ),
    )
    assert [e["amount"] for e in found.document()["entries"]] == [
        "-100",
        "1",
        "99",
        "-16000",
        "16000",
    ]


def test_sums_are_exact():
    # Given thirds of cents that floats would not add to zero, and amounts of nineteen digits and more
    most = "9" * 18
    found = read(
        LISTED,
        entries=entries(
            ("a", "0.1", "EUR"),
            ("a", "0.2", "EUR"),
            ("b", "-0.3", "EUR"),
            *[("a", most, "EUR"), ("b", "-" + most, "EUR")] * 3,
        ),
    )
    assert len(found.entries) == 9


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": ""}, "missing_field"),
        ({"booked_on": None}, "missing_field"),
        ({"note": "x"}, "unknown_field"),
        ({"amount": "1,50"}, "bad_amount"),
        ({"amount": "1e3"}, "bad_amount"),
        ({"amount": Decimal("1E+999999")}, "bad_amount"),
        ({"amount": " 1"}, "bad_amount"),
        ({"amount": "١"}, "bad_amount"),
        ({"amount": True}, "bad_amount"),
        ({"amount": 0.5}, "bad_amount"),
        ({"amount": "0.00"}, "bad_amount"),
        ({"amount": "-1"}, "bad_amount"),
        ({"amount": "1.001"}, "bad_amount"),
        ({"amount": "1.5", "currency": "JPY"}, "bad_amount"),
        ({"amount": "9" * 19}, "bad_amount"),
        ({"currency": "eur"}, "unknown_currency"),
        ({"currency": "ZZZ"}, "unknown_currency"),
        ({"currency": ["EUR"]}, "unknown_currency"),
        ({"transaction_id": "x" * 129}, "bad_name"),
        ({"transaction_id": 7}, "bad_name"),
        ({"debit_account": " bank"}, "bad_name"),
        ({"debit_account": "a\x00b"}, "bad_name"),
        ({"booked_on": "2026-02-30"}, "bad_date"),
        ({"booked_on": "20260131"}, "bad_date"),
        ({"booked_on": "31.01.2026"}, "bad_date"),
        ({"description": "a\x00b"}, "bad_description"),
        ({"description": "x" * 1001}, "bad_description"),
    ],
)
def test_a_flaw_of_a_pair_is_told(changes: dict[str, Any], code: str):
    with pytest.raises(Flaw) as caught:
        read(PAIR, **changes)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ("x", "bad_entries"),
        ([], "bad_entries"),
        (entries(("a", "1", "EUR")), "bad_entries"),
        ([1, 2], "bad_entries"),
        (entries(("a", "1", "EUR")) * 501, "bad_entries"),
        (entries(("a", "1", "EUR"), ("b", "-2", "EUR")), "out_of_balance"),
        (entries(("a", "1", "EUR"), ("b", "-1", "BHD")), "out_of_balance"),
        (entries(("a", "1", "EUR"), ("b", "0", "EUR"), ("c", "-1", "EUR")), "bad_amount"),
        (entries(("a", "1", "EUR"), ("", "-1", "EUR")), "missing_field"),
        ([{"account": "a", "amount": 1, "currency": "EUR", "x": 1}] * 2, "unknown_field"),
    ],
)
def test_a_flaw_of_entries_is_told(listed: Any, code: str):
    with pytest.raises(Flaw) as caught:
        read(LISTED, entries=listed)
    assert caught.value.code == code


def test_what_is_told_quotes_nothing_of_the_line():
    for changes in ({"amount": "s3cret"}, {"currency": "s3cret"}, {"s3cret": "x"}):
        with pytest.raises(Flaw) as caught:
            read(PAIR, **changes)
        assert "s3cret" not in caught.value.text
