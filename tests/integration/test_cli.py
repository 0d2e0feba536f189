"""The `muster` commands on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from muster.cli import main
from muster.cli.exit import Exit
from tests.support.source import ROOT

#: Runs a command; returns its code, its result and what it said.
Run = Callable[..., tuple[int, Any, str]]

_MANIFEST = """
id = "by-hand"
version = "1.0.0"
description = "Runs elsewhere."
compute = "http"
timeout = "10s"

[endpoint]
url = "https://agents.example.com/by-hand"
"""


def _folder(parent: Path, manifest: str) -> Path:
    """An agent's folder, named like its agent."""
    folder = parent / "by-hand"
    folder.mkdir()
    (folder / "agent.toml").write_text(manifest)
    return folder


def _runner(url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*argv: str) -> tuple[int, Any, str]:
        code = main([*argv, "--json"], environ={"DATABASE_URL": url})
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    return run


@pytest.fixture
def muster(database_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line on a migrated database with two agents and three executions."""
    with closing(psycopg2.connect(database_url)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO agent_registry (agent_id, agent_version, description, endpoint) VALUES"
            " ('one', '1.0.0', 'the first', '{}'), ('two', '1.0.0', 'the second', '{}'),"
            " ('two', '2.0.0', 'the second, newer', '{}')"
        )
        for agent, job, status in (
            ("one", "a", "completed"),
            ("one", "b", "failed"),
            ("two", "a", "running"),
        ):
            cursor.execute(
                "WITH made AS (INSERT INTO agent_job_execution (agent_id, job_id, status, created_at, error)"
                ' VALUES (%s, %s, %s, clock_timestamp(), \'{"code": "lost", "message": "x"}\') RETURNING *),'
                " keyed AS (INSERT INTO job_key (agent_id, job_id, execution_id, created_at)"
                " SELECT agent_id, job_id, execution_id, created_at FROM made)"
                " INSERT INTO execution_event (execution_id, agent_id, kind, to_status)"
                " SELECT execution_id, agent_id, 'created', 'pending' FROM made",
                (agent, job, status),
            )
    return _runner(database_url, capsys)


@pytest.mark.parametrize(
    ("filters", "jobs"),
    [
        ((), {("one", "a"), ("one", "b"), ("two", "a")}),
        (("--agent", "one"), {("one", "a"), ("one", "b")}),
        (("--state", "failed"), {("one", "b")}),
        (("--job-id", "a"), {("one", "a"), ("two", "a")}),
        (
            ("--agent", "one", "--job-id", "a", "--job-id", "b", "--state", "completed"),
            {("one", "a")},
        ),
        (("--agent", "nobody"), set()),
    ],
)
def test_jobs_are_listed_by_what_is_asked(muster: Run, filters: tuple[str, ...], jobs: set[Any]):
    # Given executions of two agents
    # When they are listed
    code, rows, _ = muster("jobs", "list", *filters)
    # Then exactly those asked for are there
    assert code == Exit.OK
    assert {(row["agent_id"], row["job_id"]) for row in rows} == jobs


def test_a_list_is_as_long_as_asked_and_starts_with_the_newest(muster: Run):
    # Given three executions
    # When two are asked for
    _, rows, _ = muster("jobs", "list", "--limit", "2")
    # Then the newest two come, newest first
    assert [(row["agent_id"], row["job_id"]) for row in rows] == [("two", "a"), ("one", "b")]


def test_a_job_is_shown_with_its_events_by_either_id(muster: Run):
    # Given a job whose id only one agent has
    # When it is asked for, by its id and by its execution's
    _, by_job, _ = muster("jobs", "get", "b")
    _, by_execution, _ = muster("jobs", "get", by_job["execution_id"])
    # Then both show the same, with what happened
    assert by_job == by_execution
    assert by_job["error"]["code"] == "lost"
    assert [event["kind"] for event in by_job["events"]] == ["created"]


def test_a_job_of_several_agents_must_be_told_apart(muster: Run):
    # Given a job id that two agents have
    # When it is asked for
    code, shown, told = muster("jobs", "get", "a")
    # Then the command asks whose
    assert (code, shown) == (Exit.NOT_FOUND, None)
    assert "one, two" in told
    assert "--agent" in told
    # And when that is said, shows that one
    assert muster("jobs", "get", "a", "--agent", "two")[1]["status"] == "running"


@pytest.mark.parametrize(
    "argv",
    [
        ("jobs", "get", "nope"),
        ("agents", "show", "nope"),
        ("agents", "disable", "nope"),
        ("dlq", "list", "nope"),
        ("send", "nope"),
    ],
)
def test_what_is_not_there_is_told_as_such(muster: Run, argv: tuple[str, ...]):
    # Given nothing of that name
    # When it is asked for
    code, shown, told = muster(*argv)
    # Then the code says so, and a line says where to look
    assert (code, shown) == (Exit.NOT_FOUND, None)
    assert "nope" in told
    assert " list`" in told


def test_agents_are_listed_in_their_active_version(muster: Run):
    # Given an agent with two versions
    # When agents are listed, and all of them
    _, active, _ = muster("agents", "list")
    _, every, _ = muster("agents", "list", "--all")
    # Then the list has the active versions, and the long one all
    assert [(r["agent_id"], r["agent_version"]) for r in active] == [
        ("one", "1.0.0"),
        ("two", "2.0.0"),
    ]
    assert len(every) == 3
    # And one agent is shown with how its jobs ended lately
    _, one, _ = muster("agents", "show", "one")
    assert one["executions_last_day"] == {"completed": 1, "failed": 1}


def test_an_agent_is_switched_off_and_on_in_all_its_versions(muster: Run):
    # Given an agent with two versions / When it is switched off
    assert muster("agents", "disable", "two")[1] == {"agent_id": "two", "enabled": False}
    # Then no version of it is on, and other agents are not touched
    _, every, _ = muster("agents", "list", "--all")
    assert [(r["agent_id"], r["enabled"]) for r in every] == [
        *(("one", True), ("two", False), ("two", False))
    ]
    # And on again
    assert muster("agents", "enable", "two")[1] == {"agent_id": "two", "enabled": True}
    assert muster("agents", "show", "two")[1]["enabled"] is True


def test_register_and_migrate_may_be_repeated(muster: Run, tmp_path: Path):
    # Given a manifest of an agent that nobody deploys
    folder = _folder(tmp_path, _MANIFEST)
    # When it is registered twice, by its folder and by its file
    _, first, _ = muster("register", str(folder))
    _, second, _ = muster("register", str(folder / "agent.toml"))
    # Then it is there, and the second time changed nothing
    assert first["changed"] == ["by-hand"]
    assert second["changed"] == []
    assert muster("agents", "show", "by-hand")[1]["endpoint"]["url"].endswith("/by-hand")
    # And a migrated database has nothing to migrate
    assert muster("migrate", "--dry-run")[1] == {"pending": []}
    assert muster("migrate")[1]["applied"] == []


def test_migrate_brings_up_the_tables_of_the_agents_it_is_told(muster: Run):
    # Given the folder of an agent with tables
    folder = str(ROOT / "lambdas" / "agents" / "http-fetch")
    # When it is looked at, migrated, and looked at again
    _, before, _ = muster("migrate", folder, "--dry-run")
    _, done, _ = muster("migrate", folder)
    _, after, _ = muster("migrate", folder, "--dry-run")
    # Then its migration ran, once
    assert before["pending"] == done["applied"] == ["http-fetch/0001_rate"]
    assert after == {"pending": []}


def test_a_wrong_manifest_changes_nothing_and_says_why(muster: Run, tmp_path: Path):
    # Given a manifest with a mistake
    folder = _folder(tmp_path, _MANIFEST.replace("1.0.0", ""))
    # When it is registered
    code, shown, told = muster("register", str(folder))
    # Then the mistake is told
    assert (code, shown) == (Exit.USAGE, None)
    assert "version" in told


def test_an_empty_database_is_told_with_the_cure(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
):
    # Given a database without a table
    run = _runner(empty_database_url, capsys)
    # When something is asked of it
    code, _, told = run("jobs", "list")
    # Then the cure is told, and works
    assert code == Exit.FAILED
    assert "muster migrate" in told
    assert run("migrate")[0] == Exit.OK
    assert run("jobs", "list")[1] == []


def test_a_database_that_is_away_is_told_in_a_line(capsys: pytest.CaptureFixture[str]):
    # Given an address where no server is
    run = _runner("postgresql://u:secret@127.0.0.1:1/m", capsys)
    # When something is asked of it
    code, _, told = run("agents", "list")
    # Then the code says so, and no password shows
    assert code == Exit.UNAVAILABLE
    assert len(told.splitlines()) == 1
    assert "secret" not in told
