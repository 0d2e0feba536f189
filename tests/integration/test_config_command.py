"""`muster config` on a real database: what operators change, who did, and what is refused."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from muster.agent_config import AgentConfig
from muster.cli import main
from muster.cli.exit import Exit
from muster.config_change import MOST_BYTES
from muster.store.agent_config import current_config
from muster.store.config_changes import ConfigChanges
from muster.store.connection import administer
from muster.store.settings import DatabaseSettings
from tests.support.clerk import database_of, query

#: Runs `muster config …`; returns its code, its result and what it said.
Run = Callable[..., tuple[int, Any, str]]

_DEFAULTS = {"max_items": 50, "agents": {"user": "muster", "from": "team"}}
_SCHEMA = {
    "type": "object",
    "properties": {"max_items": {"type": "integer", "minimum": 1}, "note": {"type": "string"}},
}


@pytest.fixture
def config(database_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on a database where `feeds` has a schema and `free` has none."""
    query(
        database_url,
        "INSERT INTO agent_registry (agent_id, agent_version, default_config, config_schema) VALUES"
        " ('feeds', '1.0.0', %s, %s), ('free', '1.0.0', '{}', NULL)",
        json.dumps(_DEFAULTS),
        json.dumps(_SCHEMA),
    )

    def run(*argv: str, json_output: bool = True) -> tuple[int, Any, str]:
        options = ["--json"] if json_output else []
        code = main(["config", *argv, *options], environ={"DATABASE_URL": database_url})
        told = capsys.readouterr()
        shown = json.loads(told.out) if json_output and told.out else told.out
        return code, shown, told.err

    return run


def test_an_agent_that_nobody_has_changed_has_its_manifest_s_config(config: Run):
    code, shown, said = config("get", "feeds")
    assert code == Exit.OK
    assert (shown["version"], shown["config"], shown["changes"]) == (0, _DEFAULTS, {})
    assert "version 0" in said


def test_a_change_is_written_as_the_next_version_and_shown_with_who_says_what(config: Run):
    # Given a change
    code, shown, said = config("set", "feeds", "max_items=100", "--by", "ana")
    assert (code, shown["version"], shown["config"]["max_items"]) == (Exit.OK, 1, 100)
    assert "30 seconds" in said
    # When another key is changed / Then the first one stays
    config("set", "feeds", "note=careful", "--by", "ben")
    _, shown, _ = config("get", "feeds")
    assert shown["changes"] == {"max_items": 100, "note": "careful"}
    assert (shown["version"], shown["created_by"]) == (2, "ben")
    # And people see which of them is whose
    _, table, said = config("get", "feeds", json_output=False)
    lines = [line.split() for line in table.splitlines()]
    assert ["max_items", "100", "version", "2"] in lines
    assert [(line[0], line[-1]) for line in lines] == [
        ("KEY", "FROM"),
        ("agents", "manifest"),
        ("max_items", "2"),
        ("note", "2"),
    ]
    assert "by ben" in said


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("a=1", 1),
        ("a=true", True),
        ("a=null", None),
        ('a="1"', "1"),
        ("a=one", "one"),
        ("a=one=two", "one=two"),
        ("a=", ""),
        ("a=NaN", "NaN"),
        ('a={"b": [1, "ü"]}', {"b": [1, "ü"]}),
    ],
)
def test_a_value_is_json_or_else_text(config: Run, pair: str, value: Any):
    _, shown, _ = config("set", "free", pair)
    assert shown["config"] == {"a": value}
    assert type(shown["config"]["a"]) is type(value)


def test_a_key_that_is_unset_has_its_default_again(config: Run):
    config("set", "feeds", "max_items=100", "note=x")
    _, shown, _ = config("set", "feeds", "--unset", "max_items")
    assert (shown["version"], shown["changes"]) == (2, {"note": "x"})
    assert shown["config"]["max_items"] == 50


def test_a_file_sets_its_keys_and_replaces_all_when_it_is_told_to(
    config: Run, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    # Given a change, and a file with another
    config("set", "feeds", "note=x")
    file = tmp_path / "config.json"
    file.write_text('{"max_items": 7}')
    # When the file is set / Then both hold
    _, shown, _ = config("set", "feeds", "--file", str(file))
    assert shown["changes"] == {"note": "x", "max_items": 7}
    # When it replaces everything, from stdin / Then it alone holds
    monkeypatch.setattr("sys.stdin", io.StringIO('{"max_items": 8}'))
    _, shown, _ = config("set", "feeds", "--replace", "--file", "-")
    assert shown["changes"] == {"max_items": 8}
    # And nothing at all is a replacement too
    _, shown, _ = config("set", "feeds", "--replace")
    assert (shown["changes"], shown["version"]) == ({}, 4)


def test_a_change_that_changes_nothing_makes_no_version(config: Run):
    config("set", "feeds", "max_items=100")
    code, shown, said = config("set", "feeds", "max_items=100")
    assert (code, shown["version"]) == (Exit.OK, 1)
    assert "Nothing changes" in said
    # But true is not 1
    config("set", "free", "a=1")
    _, shown, _ = config("set", "free", "a=true")
    assert shown["version"] == 2


@pytest.mark.parametrize(
    ("argv", "code", "cure"),
    [
        (("get", "nobody"), Exit.NOT_FOUND, "muster agents list"),
        (("history", "nobody"), Exit.NOT_FOUND, "muster agents list"),
        (("set", "nobody", "a=1"), Exit.NOT_FOUND, "muster agents list"),
        (("set", "feeds"), Exit.USAGE, "give KEY=VALUE, --file or --unset"),
        (("set", "feeds", "max_items"), Exit.USAGE, "such as max_items=100"),
        (("set", "feeds", "=1"), Exit.USAGE, "such as max_items=100"),
        (("set", "feeds", "a=1", "a=2"), Exit.USAGE, "set it once"),
        (("set", "feeds", "a=1", "--unset", "a"), Exit.USAGE, "give it in one"),
        (("set", "feeds", "--unset", "max_items"), Exit.USAGE, "default holds already"),
        (("set", "feeds", "max_items=0"), Exit.USAGE, "max_items: 0 is less than the minimum"),
        (("set", "feeds", "max_items=many"), Exit.USAGE, "does not fit config_schema"),
        (("set", "feeds", "--file", "none.json"), Exit.USAGE, "No such file"),
        (
            ("set", "feeds", f"note={'x' * MOST_BYTES}"),
            Exit.USAGE,
            "put what is large into a bucket",
        ),
        (("set", "feeds", "note=\udcff"), Exit.USAGE, "no UTF-8"),
    ],
)
def test_what_cannot_be_is_refused_with_the_cure_and_nothing_is_written(
    config: Run, database_url: str, argv: tuple[str, ...], code: Exit, cure: str
):
    found, shown, said = config(*argv)
    assert (found, shown) == (code, "")
    assert cure in said
    assert query(database_url, "SELECT 1 FROM agent_config") == []


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": NaN}', "\ufeff", "[" * 200])
def test_a_file_that_holds_no_object_is_refused(config: Run, tmp_path: Any, text: str):
    file = tmp_path / "config.json"
    file.write_text(text)
    code, _, said = config("set", "free", "--file", str(file))
    assert code == Exit.USAGE
    assert "holds no JSON object" in said


def test_the_history_tells_who_changed_what_newest_first(config: Run):
    # Given three versions
    config("set", "free", "a=1", "b=2", "--by", "ana")
    config("set", "free", "a=3", "--by", "ben")
    config("set", "free", "--unset", "b", "--by", "eve")
    # When the last two are asked for
    _, rows, _ = config("history", "free", "--limit", "2")
    # Then each says what it changed of the one before
    assert [(r["version"], r["created_by"], r["set"], r["unset"]) for r in rows] == [
        (3, "eve", {}, ["b"]),
        (2, "ben", {"a": 3}, []),
    ]
    assert rows[0]["config"] == {"a": 3}
    # And as text, the first one too
    _, table, _ = config("history", "free", json_output=False)
    assert "a = 1; b = 2" in table
    assert "unset b" in table


def test_an_empty_history_says_so(config: Run):
    assert config("history", "free") == (Exit.OK, [], "")
    _, _, said = config("history", "free", json_output=False)
    assert "Nobody has changed" in said


def test_a_change_of_what_has_been_changed_since_is_refused(config: Run):
    # Given an operator who has seen version 1, and another one who changed it since
    config("set", "feeds", "max_items=1")
    config("set", "feeds", "max_items=2", "--by", "ben")
    # When the first one changes what was seen
    code, _, said = config("set", "feeds", "max_items=3", "--if-version", "1")
    # Then it is refused and says by whom it was overtaken
    assert code == Exit.FAILED
    assert "at version 2 by now, written by ben" in said
    assert "muster config get feeds" in said
    # And with the version that holds it is written
    assert config("set", "feeds", "max_items=3", "--if-version", "2")[0] == Exit.OK


def test_of_operators_who_write_the_same_version_at_once_one_does(config: Run, database_url: str):
    # Given eight operators who have seen the same version
    config("set", "free", "a=0")
    barrier = threading.Barrier(8)
    written: list[int | None] = []

    def change(number: int) -> None:
        settings = DatabaseSettings.from_url(database_url)
        with closing(administer(settings)) as connection:
            connection.autocommit = True
            barrier.wait(120)
            done = ConfigChanges(connection).change("free", seen=1, changes={"a": number}, by=None)
            written.append(done.agent_config.changes["a"] if done else None)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    # When all of them write / Then one does, and the others are told
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    [winner] = [number for number in written if number is not None]
    assert len(written) == 8
    [row] = query(database_url, "SELECT config FROM agent_config WHERE version = 2")
    assert row["config"] == {"a": winner}


def test_a_worker_reads_what_the_operators_wrote(config: Run, database_url: str):
    with closing(database_of(database_url)) as database:
        assert current_config(database, agent_id="feeds") == AgentConfig()
        config("set", "feeds", "max_items=100")
        config("set", "free", "a=1")
        assert current_config(database, agent_id="feeds") == AgentConfig(
            version=1, changes={"max_items": 100}
        )


def test_changes_that_a_new_schema_does_not_allow_are_told(config: Run, database_url: str):
    # Given a change, and a new version of the agent for which it is wrong
    config("set", "feeds", "note=x")
    query(
        database_url,
        "INSERT INTO agent_registry (agent_id, agent_version, config_schema) VALUES ('feeds', '2.0.0', %s)",
        json.dumps({"properties": {"note": {"type": "integer"}}}),
    )
    # When its config is looked at / Then it says that jobs fail, and how
    code, shown, said = config("get", "feeds")
    assert (code, shown["agent_version"]) == (Exit.OK, "2.0.0")
    assert "note" in shown["problem"]
    assert "invalid_config" in said
    # And what is wrong can be mended
    assert config("set", "feeds", "note=1")[1]["problem"] is None


@pytest.mark.parametrize("config_value", ["'[1]'", "'3'"])
def test_plain_sql_cannot_write_what_is_no_config(database_url: str, config_value: str):
    with pytest.raises(psycopg2.IntegrityError, match="agent_config_object"):
        query(
            database_url,
            f"INSERT INTO agent_config (agent_id, config) VALUES ('a', {config_value})",
        )
