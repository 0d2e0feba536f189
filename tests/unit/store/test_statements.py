"""SQL files as named, preparable statements."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from muster.store.statements import preparable, statements

TOPICS = sorted(
    path.name.removesuffix(".sql")
    for path in (files("muster.store") / "sql").iterdir()
    if path.name.endswith(".sql")
)


def test_parameters_are_numbered_by_first_use_and_typed_there():
    statement = preparable("s", "SELECT %(b)s::int, %(a)s::text[] WHERE %(b)s > 100%%2")
    assert statement.prepare == "PREPARE s AS SELECT $1::int, $2::text[] WHERE $1 > 100%2"
    assert statement.execute == "EXECUTE s (%(b)s::int, %(a)s::text[])"
    assert statement.parameters == ("b", "a")


def test_a_statement_without_parameters_is_executed_without_parentheses():
    assert preparable("s", "SELECT 1").execute == "EXECUTE s"


def test_a_call_is_not_prepared_and_sent_without_its_description():
    statement = preparable("c", "-- What it is for.\nCALL p(%(b)s::json, NULL)")
    assert (statement.prepare, statement.execute) == (None, "CALL p(%(b)s::json, NULL)")
    assert statement.parameters == ("b",)


def test_an_unknown_topic_is_an_error():
    with pytest.raises(FileNotFoundError):
        statements("none")


@pytest.mark.parametrize("topic", TOPICS)
def test_every_statement_has_a_name_of_its_own_and_says_what_it_is_for(topic: str):
    found = statements(topic)
    source = (files("muster.store") / "sql" / f"{topic}.sql").read_text("utf-8")
    headers = re.findall(r"^-- name: (\w+)\n(.*)$", source, re.MULTILINE)
    assert [name for name, _ in headers] == list(found)
    assert [name for name, comment in headers if not comment.startswith("-- ")] == []
    assert all(statement.text for statement in found.values())
