"""What the books take, and what they refuse whoever writes."""

from __future__ import annotations

from decimal import Decimal

import psycopg2
import pytest

from tests.support.bookkeeping import Desk, balances_of, csv_file, csv_line, numbered
from tests.support.clerk import query

_POST = """
WITH t AS (
    INSERT INTO agent_ledger_posting.transaction
           (tenant, transaction_id, booked_on, entry_count, digest, job_id, line)
    VALUES ('default', 't-1', '2026-01-31', %s, repeat('0', 64), 'by hand', 1)
), a AS (
    INSERT INTO agent_ledger_posting.account (tenant, account) VALUES ('default', 'a'), ('default', 'b')
    ON CONFLICT DO NOTHING
)
INSERT INTO agent_ledger_posting.entry (tenant, transaction_id, number, account, currency, amount)
SELECT 'default', 't-1', number, account, currency, amount
  FROM unnest(%s::text[], %s::text[], %s::numeric[]) WITH ORDINALITY
       AS e (account, currency, amount, number)
RETURNING number
"""


def by_hand(desk: Desk, *entries: tuple[str, str, str], count: int | None = None) -> None:
    """Post one transaction past the agent, as plain SQL can."""
    accounts, currencies, amounts = (list(column) for column in zip(*entries, strict=True))
    query(desk.url, _POST, len(entries) if count is None else count, accounts, currencies, amounts)


def test_a_file_is_posted_and_the_balances_are_its_own(desk: Desk):
    # Given a file in two currencies, and one in the other form
    lines = [*numbered(40), csv_line(90, currency="JPY", amount="5000")]
    params = desk.s3.put("ledger/a.csv", csv_file(lines))
    result = desk.post(params, config={"batch_lines": 7})
    # Then every line is posted once
    assert (result["records"], result["posted"], result["rejected"]) == (41, 41, 0)
    assert result["object"]["version_id"] == "1"
    assert result["totals"] == {"EUR": "47.8", "JPY": "5000"}
    assert desk.balances() == balances_of(lines)
    assert desk.count("entry") == 82
    assert desk.counters == {"itemsProcessed": 41}


def test_both_forms_say_the_same(desk: Desk):
    # Given a transaction in CSV
    line = "t-1,2026-01-31,bank,sales,12.30,EUR,Invoice 7"
    assert desk.post(desk.s3.put("a.csv", csv_file([line])))["posted"] == 1
    # When it comes as JSON lines / Then it is known
    text = (
        '{"transaction_id": "t-1", "booked_on": "2026-01-31", "description": "Invoice 7", "entries":'
        ' [{"account": "sales", "amount": -12.3, "currency": "EUR"},'
        ' {"account": "bank", "amount": 12.30, "currency": "EUR"}]}\n'
    )
    assert desk.post(desk.s3.put("a.jsonl", text))["already_posted"] == 1
    assert desk.balances() == {("bank", "EUR"): Decimal("12.3"), ("sales", "EUR"): Decimal("-12.3")}


def test_the_same_file_under_another_version_changes_nothing(desk: Desk):
    # Given a file that is posted
    lines = numbered(30)
    desk.post(desk.s3.put("ledger/a.csv", csv_file(lines)))
    # When it is dropped again with more lines at its end
    result = desk.post(desk.s3.put("ledger/a.csv", csv_file([*lines, *numbered(5, first=30)])))
    # Then only these are posted
    assert (result["posted"], result["already_posted"], result["conflicts"]) == (5, 30, 0)
    assert desk.balances() == balances_of(numbered(35))


def test_an_id_with_other_content_is_a_conflict_and_changes_nothing(desk: Desk):
    # Given a transaction of another file
    desk.post(desk.s3.put("ledger/a.csv", csv_file([csv_line(0), csv_line(1)])))
    # When its id comes with another amount, among others
    lines = [csv_line(7), csv_line(1, cents=999), csv_line(8)]
    result = desk.post(desk.s3.put("ledger/b.csv", csv_file(lines)))
    # Then that line is told, with who had the id first, and the others are posted
    assert (result["posted"], result["conflicts"]) == (2, 1)
    [problem] = result["problems"]
    assert (problem["line"], problem["code"]) == (3, "conflict")
    assert "line 3 of job ledger/a.csv@1 " in problem["problem"]
    assert desk.balances() == balances_of([csv_line(n) for n in (0, 1, 7, 8)])


@pytest.mark.parametrize("batch_lines", [1, 2, 100])
def test_an_id_twice_in_a_file_counts_once(desk: Desk, batch_lines: int):
    # Given a file with a copy of a line, and one of its id with other content
    lines = [csv_line(1), csv_line(2), csv_line(1), csv_line(2, cents=5), csv_line(3)]
    result = desk.post(
        desk.s3.put("ledger/a.csv", csv_file(lines)), config={"batch_lines": batch_lines}
    )
    # Then the first of them counts, however the batches fall
    assert (result["posted"], result["already_posted"], result["conflicts"]) == (3, 1, 1)
    assert result["problems"][0]["line"] == 5
    assert desk.balances() == balances_of(lines)


def test_bad_lines_are_told_and_do_not_stop_the_others(desk: Desk):
    # Given a file in which every third line is wrong
    lines = [csv_line(n, amount="x" if n % 3 == 0 else "1.00") for n in range(300)]
    params = desk.s3.put("ledger/a.csv", csv_file(lines))
    result = desk.post(params, config={"reported_lines": 4, "batch_lines": 11})
    # Then the others are posted, all are counted, and the first are named by line
    assert (result["records"], result["posted"], result["rejected"]) == (300, 200, 100)
    assert [(p["line"], p["code"]) for p in result["problems"]] == [
        (n, "bad_amount") for n in (2, 5, 8, 11)
    ]


def test_tenants_have_books_of_their_own(desk: Desk):
    params = desk.s3.put("ledger/a.csv", csv_file([csv_line(1)]))
    for tenant in ("one", "two"):
        assert desk.post(params, tenant=tenant, id=tenant)["posted"] == 1
    rows = query(desk.url, "SELECT DISTINCT tenant FROM agent_ledger_posting.balance ORDER BY 1")
    assert [row["tenant"] for row in rows] == ["one", "two"]


def test_accounts_that_are_not_open_are_refused_where_the_config_says_so(desk: Desk):
    # Given books with two accounts
    desk.post(desk.s3.put("ledger/a.csv", csv_file([csv_line(0)])))
    # When a line names a third
    params = desk.s3.put("ledger/b.csv", csv_file([csv_line(7 * 5), csv_line(1), csv_line(0)]))
    result = desk.post(params, config={"open_accounts": False})
    # Then it is not posted, and no account was opened for it
    assert (result["posted"], result["already_posted"], result["rejected"]) == (1, 1, 1)
    assert [(p["line"], p["code"]) for p in result["problems"]] == [(3, "unknown_account")]
    assert desk.count("account") == 2


def test_a_line_that_the_database_refuses_does_not_take_its_batch_with_it(desk: Desk):
    # Given an account that the operator keeps closed by a constraint of their own
    query(desk.url, "ALTER TABLE agent_ledger_posting.entry ADD CHECK (account <> 'sales:3')")
    lines = numbered(50)
    result = desk.post(desk.s3.put("ledger/a.csv", csv_file(lines)))
    # Then its lines are told and all others posted
    assert (result["posted"], result["rejected"]) == (40, 10)
    assert {p["code"] for p in result["problems"]} == {"refused"}
    assert desk.balances() == balances_of([line for line in lines if "sales:3" not in line])


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ([("a", "EUR", "1"), ("b", "EUR", "-2")], None),
        ([("a", "EUR", "1"), ("b", "USD", "-1")], None),
        ([("a", "EUR", "1.001"), ("b", "EUR", "-1.001")], None),
        ([("a", "JPY", "1.5"), ("b", "JPY", "-1.5")], None),
        ([("a", "EUR", "1"), ("b", "EUR", "-1")], 3),
        ([("a", "EUR", "0"), ("b", "EUR", "0")], None),
        ([("a", "EUR", "NaN"), ("b", "EUR", "NaN")], None),
        ([("a", "EUR", "Infinity"), ("b", "EUR", "-Infinity")], None),
        ([("a", "ZZZ", "1"), ("b", "ZZZ", "-1")], None),
        ([("a", "EUR", "1"), ("nobody", "EUR", "-1")], None),
    ],
)
def test_the_database_itself_refuses_what_is_no_double_entry(
    desk: Desk, entries: list[tuple[str, str, str]], count: int | None
):
    with pytest.raises(psycopg2.IntegrityError):
        by_hand(desk, *entries, count=count)
    assert (desk.count("transaction"), desk.count("entry")) == (0, 0)


def test_nothing_is_added_to_what_is_posted_and_nothing_changed(desk: Desk):
    # Given a transaction that was posted by plain SQL
    by_hand(desk, ("a", "EUR", "1"), ("b", "EUR", "-1"))
    more = (
        "INSERT INTO agent_ledger_posting.entry VALUES ('default', 't-1', 3, 'a', 'EUR', 1),"
        " ('default', 't-1', 4, 'b', 'EUR', -1)"
    )
    empty = (
        "INSERT INTO agent_ledger_posting.transaction VALUES"
        " ('default', 't-2', '2026-01-31', NULL, 2, repeat('0', 64), 'j', 1)"
    )
    for statement in (
        more,
        "UPDATE agent_ledger_posting.entry SET amount = 2 * amount",
        "DELETE FROM agent_ledger_posting.entry",
        "UPDATE agent_ledger_posting.transaction SET booked_on = '2020-01-01'",
        "DELETE FROM agent_ledger_posting.transaction",
        empty,
    ):
        with pytest.raises(psycopg2.IntegrityError):
            query(desk.url, statement)
    assert desk.balances() == {("a", "EUR"): 1, ("b", "EUR"): -1}
