"""What an agent gets from its own statements, on a real Postgres."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster import Job, StatementFailed
from muster.database import JobDatabase, StatementUnknown
from muster.errors import ConfigurationError, PermanentError
from muster.store.agent_database import agent_statements
from muster.store.opening import open_tables
from tests.support.clerk import database_of

Keeper = Callable[[str], JobDatabase]

ECHO = """
-- name: echo
-- Gives back what it was given.
SELECT %(a)s::text, %(b)s::int, %(c)s::jsonb;
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1::bigint", 1),
        ("1.50::numeric", "1.50"),
        ("1.5::float8", 1.5),
        ("NULL::text", None),
        ("true", True),
        ("'2026-01-31T09:00:00Z'::timestamptz AT TIME ZONE 'UTC'", "2026-01-31T09:00:00"),
        ("date '2026-01-31'", "2026-01-31"),
        ("'6e1c6a3e-8a1c-4a52-9b39-5f2c1e1a7c11'::uuid", "6e1c6a3e-8a1c-4a52-9b39-5f2c1e1a7c11"),
        ("'{\"a\": [1, null]}'::jsonb", {"a": [1, None]}),
        ("ARRAY[date '2026-01-31']", ["2026-01-31"]),
    ],
)
def test_values_come_as_what_json_holds(open_keeper: Keeper, expression: str, value: Any):
    keeper = open_keeper(f"-- name: one\n-- One value.\nSELECT {expression};\n")
    assert keeper.run("one") == [(value,)]


def test_values_go_as_what_json_holds(open_keeper: Keeper):
    # Given a text with what Postgres cannot store, and a document that has some of it too
    params = {"a": "x\x00\ud800y", "b": None, "c": {"list": [1, "\x00"]}}
    # Then both arrive, with a replacement for it, and again by the same prepared statement
    keeper = open_keeper(ECHO)
    for _ in range(2):
        assert keeper.run("echo", params) == [("x��y", None, {"list": [1, "�"]})]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"a": "x", "b": 1}, "missing or too many: c"),
        ({"a": "x", "b": 1, "c": {}, "d": 1}, "missing or too many: d"),
        ({"a": b"x", "b": 1, "c": {}}, "param a is not JSON"),
        ({"a": "x", "b": 1, "c": {"n": float("nan")}}, "param c is not JSON"),
    ],
)
def test_wrong_params_fail_the_job_for_good(
    open_keeper: Keeper, params: dict[str, Any], problem: str
):
    with pytest.raises(StatementUnknown, match=problem):
        open_keeper(ECHO).run("echo", params)


def test_an_unknown_statement_names_those_that_there_are(open_keeper: Keeper):
    with pytest.raises(StatementUnknown, match="no statement 'gone' in sql/; it has: echo"):
        open_keeper(ECHO).run("gone")


def test_what_postgres_refuses_is_told_with_its_code_and_the_next_call_works(open_keeper: Keeper):
    keeper = open_keeper(ECHO + "\n-- name: halve\n-- Fails on zero.\nSELECT 1 / %(n)s::int;\n")
    with pytest.raises(StatementFailed, match="^halve: division by zero") as caught:
        keeper.run("halve", {"n": 0})
    assert caught.value.sqlstate == "22012"
    assert keeper.run("halve", {"n": 1}) == [(1,)]


@pytest.mark.parametrize("text", ["SELECT 1 FROM nowhere", "SELECT nothing", "SELECT nothing()"])
def test_what_is_not_there_is_told_as_the_agents_own_affair(open_keeper: Keeper, text: str):
    # Given a statement with a name that nothing has / When it runs
    with pytest.raises(StatementFailed, match="does not exist.*correct the statement") as caught:
        open_keeper(f"-- name: look\n-- Looks.\n{text};\n").run("look")
    # Then nobody is sent to migrate the ledger for it
    assert "muster migrate" not in str(caught.value)
    assert caught.value.sqlstate in ("42P01", "42703", "42883")


def test_bytes_are_refused_with_the_cure(open_keeper: Keeper):
    with pytest.raises(PermanentError, match="cast it"):
        open_keeper("-- name: one\n-- Bytes.\nSELECT '\\x00'::bytea;\n").run("one")


def test_agents_that_share_a_connection_do_not_share_names(database_url: str, tmp_path: Path):
    # Given two agents with a statement of the same name
    folders = {name: tmp_path / name for name in ("one", "two")}
    for name, folder in folders.items():
        (folder / "sql").mkdir(parents=True)
        (folder / "sql" / "a.sql").write_text(f"-- name: who\n-- Says who.\nSELECT '{name}';\n")
    database = database_of(database_url)
    # When both run on one connection / Then each has its own
    tables = [
        open_tables(database, agent_id=name, folder=folder) for name, folder in folders.items()
    ]
    assert [table.run("who") for table in tables] == [[("one",)], [("two",)]]
    database.close()


def test_an_agent_without_statements_is_told_how_to_have_some():
    with pytest.raises(StatementUnknown, match="write it as `-- name: items` into a file of"):
        Job(id="j", params={}).database.run("items")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path):
    (tmp_path / "sql").mkdir()
    for file in ("a.sql", "b.sql"):
        (tmp_path / "sql" / file).write_text("-- name: who\n-- Says who.\nSELECT 1;\n")
    with pytest.raises(ConfigurationError, match=r"b\.sql names who again"):
        agent_statements("keeper", tmp_path)
