"""`muster intake`: a person closes the doors, opens them, and sees why they are closed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muster.cli import main
from tests.support.clerk import query


def _muster(url: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    code = main(["--json", "intake", *arguments], environ={"DATABASE_URL": url})
    told = capsys.readouterr()
    assert code == 0, told.err
    return json.loads(told.out), told.err


def _text(url: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["intake", *arguments], environ={"DATABASE_URL": url}) == 0
    return capsys.readouterr().out


def test_a_person_stops_and_resumes(database_url: str, capsys: pytest.CaptureFixture[str]):
    # Given a stage that nobody ever stopped
    assert _text(database_url, "status", capsys=capsys) == "open: the stage takes jobs\n"
    # When ann stops it
    row, told = _muster(
        database_url, "stop", "--reason", "a bad release", "--by", "ann", capsys=capsys
    )
    # Then it is stopped until somebody resumes it, and it is said what goes on
    assert (row["stopped"], row["changed_by"], row["ends_at"]) == (True, "ann", None)
    assert "What it has taken goes on" in told
    shown = _text(database_url, "status", capsys=capsys)
    assert "stopped by ann since" in shown
    assert "reason: a bad release" in shown
    # When she resumes it / Then it is open, and the budget may stop it as ever
    row, told = _muster(database_url, "resume", "--by", "ann", capsys=capsys)
    assert (row["stopped"], row["reason"], row["ends_at"]) == (False, None, None)
    # And once more changes nothing
    _, told = _muster(database_url, "resume", "--by", "bob", capsys=capsys)
    assert "It was not stopped." in told
    assert _muster(database_url, "status", capsys=capsys)[0]["changed_by"] == "ann"


def test_who_resumes_against_the_budget_is_told_for_how_long(
    database_url: str, capsys: pytest.CaptureFixture[str]
):
    # Given a stop by the budget
    query(
        database_url,
        "INSERT INTO intake (stopped, reason, changed_by, since, ends_at, spent_usd, limit_usd, checked_at)"
        " VALUES (true, 'x', 'budget', now(), '2999-01-01 00:00Z', 12.34, 12, now())",
    )
    shown = _text(database_url, "status", capsys=capsys)
    assert ", until 2999-01-01 00:00 UTC" in shown
    assert "12.34 $ of 12 $ metered" in shown
    # When a person resumes / Then the month's end is told
    row, told = _muster(database_url, "resume", "--by", "ann", capsys=capsys)
    assert (row["stopped"], row["changed_by"]) == (False, "ann")
    assert "The budget leaves it so until 2999-01-01 00:00 UTC." in told


def test_nobody_is_called_as_the_limit_is(database_url: str, capsys: pytest.CaptureFixture[str]):
    arguments = ["intake", "stop", "--reason", "x", "--by", "budget"]
    assert main(arguments, environ={"DATABASE_URL": database_url}) == 2
    assert "give a person's name" in capsys.readouterr().err
