"""Tables of agents: made by their own migrations, after Muster's, each agent in a schema of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from muster.database import JobDatabase, StatementFailed
from muster.store.migrate import check_schema, migrate, missing_migrations
from muster.store.migration import Migration, SchemaError, agent_migrations, shipped_migrations
from tests.integration.agents.conftest import MakeFolder

ITEMS = "CREATE TABLE item (id text PRIMARY KEY);"


def own(version: int, sql: str, *, agent_id: str = "keeper") -> Migration:
    return Migration(version=version, name="items", sql=sql, agent_id=agent_id)


@pytest.fixture
def connection(database_url: str) -> Iterator[extensions.connection]:
    with closing(psycopg2.connect(database_url)) as connection:
        yield connection


def fetch(connection: extensions.connection, sql: str) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def schemas_of_items(connection: extensions.connection) -> set[str]:
    found = fetch(connection, "SELECT schemaname FROM pg_tables WHERE tablename = 'item'")
    return {schema for (schema,) in found}


def test_an_empty_database_gets_muster_s_tables_first(empty_database_url: str):
    # Given an empty database, and an agent with tables
    with closing(psycopg2.connect(empty_database_url)) as connection:
        assert missing_migrations(connection, [own(1, ITEMS)])[-1] == own(1, ITEMS)
        # When it is migrated
        report = migrate(connection, agents=[own(1, ITEMS)])
        # Then the agent's came last, under its name
        assert len(report.applied) == len(shipped_migrations()) + 1
        assert report.applied[-1] == "keeper/0001_items"
        check_schema(connection)
        assert missing_migrations(connection, [own(1, ITEMS)]) == []


def test_each_agent_s_tables_are_in_a_schema_of_its_own(connection: extensions.connection):
    # Given two agents that call their table the same
    agents = [own(1, ITEMS), own(1, ITEMS, agent_id="other-keeper")]
    # When they are migrated / Then they do not meet, neither each other nor Muster's own tables
    assert migrate(connection, agents=agents).applied == (
        "keeper/0001_items",
        "other-keeper/0001_items",
    )
    assert schemas_of_items(connection) == {"agent_keeper", "agent_other_keeper"}
    assert fetch(connection, "SHOW search_path") == [('"$user", public',)]


def test_what_ran_does_not_run_again(connection: extensions.connection):
    migrate(connection, agents=[own(1, ITEMS)])
    more = own(2, "ALTER TABLE item ADD COLUMN title text;")
    assert migrate(connection, agents=[own(1, ITEMS), more]).applied == ("keeper/0002_items",)
    assert migrate(connection, agents=[own(1, ITEMS), more]).applied == ()
    # An agent that is gone keeps its tables.
    assert migrate(connection).applied == ()
    assert schemas_of_items(connection) == {"agent_keeper"}


def test_a_migration_that_was_changed_after_it_ran_is_refused(connection: extensions.connection):
    migrate(connection, agents=[own(1, ITEMS)])
    with pytest.raises(SchemaError, match="migration keeper/0001_items was changed after it ran"):
        migrate(connection, agents=[own(1, ITEMS + " SELECT 1;")])


def test_fault_40_a_wrong_migration_leaves_nothing_of_its_own(connection: extensions.connection):
    # Given an agent whose second migration fails half way
    wrong = own(2, "CREATE TABLE lost (id integer); SELECT 1/0;")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        migrate(connection, agents=[own(1, ITEMS), wrong])
    # Then the first stays, nothing of the second does, and the cured one runs
    lost = fetch(connection, "SELECT to_regclass('agent_keeper.lost') IS NULL")
    assert lost == [(True,)]
    assert schemas_of_items(connection) == {"agent_keeper"}
    cured = own(2, "CREATE TABLE lost (id integer);")
    assert migrate(connection, agents=[own(1, ITEMS), cured]).applied == ("keeper/0002_items",)


def test_statements_reach_the_tables_by_the_agent_s_schema(
    database_url: str,
    connection: extensions.connection,
    folder_of: MakeFolder,
    open_keeper: Callable[[str], JobDatabase],
):
    # Given an agent's folder, migrated
    folder = folder_of({"migrations/0001_items.sql": ITEMS})
    migrate(connection, agents=agent_migrations([folder]))
    # When its statement writes / Then it is there
    keeper = open_keeper(
        "-- name: add\n-- Adds one.\n"
        "INSERT INTO agent_keeper.item (id) VALUES (%(id)s::text) RETURNING id;\n"
    )
    assert keeper.run("add", {"id": "a"}) == [("a",)]
    assert fetch(connection, "SELECT id FROM agent_keeper.item") == [("a",)]


def test_a_statement_whose_table_is_not_there_yet_names_the_cure(
    open_keeper: Callable[[str], JobDatabase],
):
    keeper = open_keeper("-- name: all\n-- All of them.\nSELECT id FROM agent_keeper.item;\n")
    with pytest.raises(StatementFailed, match="deploy the migration that makes it"):
        keeper.run("all")


def test_a_folder_without_migrations_is_refused(tmp_path: Path):
    with pytest.raises(SchemaError, match="holds no migration"):
        agent_migrations([tmp_path])
