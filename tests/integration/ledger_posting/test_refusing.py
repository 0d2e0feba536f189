"""A file that is refused as a whole: nothing of it is posted, and all of it is told."""

from __future__ import annotations

from typing import Any

import pytest

from muster import PermanentError
from tests.support.bookkeeping import Desk, balances_of, csv_file, csv_line, numbered

REFUSE: dict[str, Any] = {"on_error": "refuse", "batch_lines": 10}


def refused(desk: Desk, lines: list[str], **config: Any) -> str:
    """The text with which the file of these lines is refused."""
    before = desk.count("transaction")
    params = desk.s3.put("ledger/b.csv", csv_file(lines))
    with pytest.raises(PermanentError) as caught:
        desk.post(params, config={**REFUSE, **config})
    assert caught.value.code == "file_refused"
    assert (desk.count("transaction"), desk.count("seen")) == (before, 0)
    return str(caught.value)


def test_one_bad_line_refuses_the_whole_file(desk: Desk):
    lines = numbered(100)
    lines[57] = csv_line(57, amount="x")
    told = refused(desk, lines)
    assert "1 of 100 records are wrong, so nothing was posted: line 59 amount is not digits" in told


def test_what_is_told_is_bounded(desk: Desk):
    told = refused(desk, [csv_line(n, currency="ZZZ") for n in range(5000)], batch_lines=500)
    assert "5000 of 5000" in told
    assert len(told) < 2000


def test_two_contents_of_one_id_refuse_the_file_however_far_apart_they_are(desk: Desk):
    lines = [*numbered(100), csv_line(3, cents=1)]
    assert "line 102 has a transaction id that line 5 of job" in refused(desk, lines)


def test_a_conflict_with_the_books_refuses_the_file(desk: Desk):
    desk.post(desk.s3.put("ledger/a.csv", csv_file([csv_line(3)])))
    assert "of job ledger/a.csv@1" in refused(desk, [csv_line(1), csv_line(3, cents=1)])


def test_an_account_that_is_not_open_refuses_the_file(desk: Desk):
    assert "names an account" in refused(desk, numbered(3), open_accounts=False)


def test_a_file_without_a_flaw_is_posted(desk: Desk):
    # Given a file of which some is posted already, and which holds a line twice
    desk.post(desk.s3.put("ledger/a.csv", csv_file(numbered(5))))
    lines = [*numbered(60), csv_line(59, cents=100 + 59)]
    result = desk.post(desk.s3.put("ledger/b.csv", csv_file(lines)), config=REFUSE)
    # Then the rest is posted, and nothing of the look through it is kept
    assert (result["posted"], result["already_posted"]) == (55, 6)
    assert desk.balances() == balances_of(lines)
    assert desk.count("seen") == 0
