"""A manifest that asks for what the stage lacks is refused before anything is synthesised."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.contracts import STATEMENTS_FOLDER
from muster.errors import ConfigurationError
from muster.manifest import Permissions, table_problems
from stacks.config import STAGES, Stage
from tests.infra.synthesis import agent


@pytest.fixture(autouse=True)
def no_wheels_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes have a test of their own."""
    from stacks import fit

    def none(_: Stage, __: object) -> list[str]:
        return []

    monkeypatch.setattr(fit, "size_problems", none)


def test_what_fits_is_no_problem():
    from stacks import fit

    assert fit.misfits(STAGES["dev"], [agent("one", architecture="arm64")]) == []


def test_every_misfit_is_told_with_file_key_value_and_cure():
    from stacks import fit

    # Given agents that ask for a bucket and a processor that the stage lacks
    agents = [
        agent("one", permissions=Permissions(read=("bucket:missing",), write=("bucket:other",))),
        agent("two", architecture="x86_64"),
    ]
    # When they are held against the stage
    problems = fit.misfits(STAGES["dev"], agents)
    # Then each is one sentence
    assert len(problems) == 3
    assert "permissions.read = 'bucket:missing'" in problems[0]
    assert "has the buckets uploads" in problems[0]
    assert "permissions.write = 'bucket:other'" in problems[1]
    assert "architecture = 'x86_64'" in problems[2]
    assert all("agent.toml" in problem for problem in problems)


@pytest.mark.parametrize(
    ("agent_id", "files", "cures"),
    [
        ("keeper", ["0001_items.sql", "0002_more.sql"], []),
        ("keeper", [], ["number its files from 0001 on"]),
        ("keeper", ["0001_items.sql", "0003_more.sql"], ["number its files from 0001 on"]),
        ("keeper", ["0001_items.sql", "0001_more.sql"], ["number its files from 0001 on"]),
        ("keeper", ["0001_items.sql", "notes.txt"], ["name it NNNN_name.sql"]),
        ("k" * 57, ["0001_items.sql"], []),
        ("k" * 58, ["0001_items.sql"], ["an id of at most 57 characters"]),
    ],
)
def test_an_agent_s_migrations_are_named_as_they_must_be(
    tmp_path: Path, agent_id: str, files: list[str], cures: list[str]
):
    # Given an agent with such files
    folder = tmp_path / agent_id / "migrations"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_text("SELECT 1;")
    # When they are looked at / Then each mistake is one sentence with its cure
    problems = list(table_problems(agent(agent_id, folder=folder.parent)))
    assert len(problems) == len(cures)
    assert all(cure in str(found) for cure, found in zip(cures, problems, strict=True))


@pytest.mark.parametrize(
    ("files", "cures"),
    [
        ({"a.sql": b"-- name: one\nSELECT 1;", "b.sql": b"-- name: two\nSELECT 2;"}, []),
        ({"a.sql": b"-- name: one\n-- name: one\n"}, ["a.sql names one already"]),
        ({"a.sql": b"-- name: one\n", "b.sql": b"-- name: one\n"}, ["a.sql names one already"]),
        ({"a.sql": b"SELECT 1;"}, ["head each of its statements"]),
        ({"a.sql": b"-- name: one\nSELECT '\xff';"}, ["as UTF-8"]),
    ],
)
def test_an_agent_s_statements_are_found_by_their_names(
    tmp_path: Path, files: dict[str, bytes], cures: list[str]
):
    folder = tmp_path / "keeper" / STATEMENTS_FOLDER
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    problems = list(table_problems(agent("keeper", folder=folder.parent)))
    assert len(problems) == len(cures)
    assert all(cure in str(found) for cure, found in zip(cures, problems, strict=True))


def test_an_agent_from_elsewhere_cannot_be_in_the_asset():
    from stacks.packaging import agent_folder

    with pytest.raises(ConfigurationError, match="is not a folder of"):
        agent_folder(agent("one", folder=None))
