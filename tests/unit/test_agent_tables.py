"""The tables and statements of every agent of the repository: they only expand, and touch nobody else's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from muster.contracts import MIGRATIONS_FOLDER, STATEMENTS_FOLDER, schema_of_agent
from muster.manifest import has_tables, load_manifest, table_problems
from muster.store.agent_database import agent_statements
from muster.store.migration import Migration, agent_migrations
from muster.store.statements import statements
from tests.support.expansion import flaws
from tests.support.source import ROOT

AGENTS = sorted(
    folder.parent
    for root in ("lambdas/agents", "local/agents")
    for folder in ROOT.glob(f"{root}/*/agent.toml")
)
WITH_TABLES = [folder for folder in AGENTS if (folder / MIGRATIONS_FOLDER).is_dir()]
#: What a statement reads or writes.
TABLE = re.compile(r"(?<!epoch )\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_]+)\.[a-z_]+")


def test_there_are_agents_with_tables():
    assert {folder.name for folder in WITH_TABLES} >= {"feed-collector", "http-fetch"}


@pytest.mark.parametrize("folder", WITH_TABLES, ids=lambda folder: folder.name)
def test_an_agent_s_folder_is_as_it_must_be(folder: Path):
    manifest = load_manifest(folder)
    assert has_tables(manifest)
    assert list(table_problems(manifest)) == []


@pytest.mark.parametrize("migration", agent_migrations(WITH_TABLES), ids=str)
def test_migrations_of_agents_only_expand_and_stay_in_their_schema(migration: Migration):
    assert flaws(migration.sql) == []
    assert not re.search(r"\bpublic\.|\bSET\s+search_path\b", migration.sql, re.IGNORECASE)


@pytest.mark.parametrize(
    "folder",
    [f for f in AGENTS if (f / STATEMENTS_FOLDER).is_dir()],
    ids=lambda folder: folder.name,
)
def test_statements_of_agents_say_what_they_are_for_and_touch_their_own_tables(folder: Path):
    schema = schema_of_agent(folder.name)
    found = agent_statements(folder.name, folder)
    assert found
    for name, statement in found.items():
        first, *_ = statement.text.splitlines()
        assert first.startswith("-- "), name
        assert set(TABLE.findall(statement.text)) == {schema}, name


def test_no_statement_of_an_agent_takes_the_name_of_one_of_the_ledger():
    own = {s.name for folder in WITH_TABLES for s in agent_statements(folder.name, folder).values()}
    assert all(name.startswith("own_") and len(name) <= 63 for name in own)
    assert not any(
        name.startswith("own_") for topic in ("ledger", "dispatch") for name in statements(topic)
    )
