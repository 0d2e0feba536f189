"""The shipped migrations: expand only, and the rules by which they are read and compared."""

from __future__ import annotations

import pytest

from muster.store.migration import (
    Migration,
    SchemaError,
    check_applied,
    pending,
    read_migrations,
    shipped_migrations,
)
from tests.support.expansion import flaws


@pytest.mark.parametrize("migration", shipped_migrations(), ids=str)
def test_shipped_migrations_only_expand(migration: Migration):
    assert flaws(migration.sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE a DROP COLUMN b;",
        "DROP TABLE a;",
        "ALTER TABLE a RENAME COLUMN b TO c;",
        "ALTER TABLE a ALTER COLUMN b TYPE bigint;",
        "ALTER TABLE a ADD COLUMN b integer NOT NULL;",
        "CREATE INDEX CONCURRENTLY i ON a (b);",
        "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'a'); END $$;",
    ],
)
def test_a_contracting_migration_is_found(sql: str):
    assert flaws(sql)


def test_an_expanding_migration_is_allowed():
    sql = "ALTER TABLE a ADD COLUMN b integer NOT NULL DEFAULT 0; -- we do not DROP TABLE a"

    assert flaws(sql) == []


def test_a_function_that_drops_what_it_is_told_to_is_allowed():
    body = "BEGIN EXECUTE format('DROP TABLE %I', old); END"
    assert (
        flaws(f"CREATE FUNCTION f(old text) RETURNS void AS $$ {body} $$ LANGUAGE plpgsql;") == []
    )


def test_shipped_migrations_are_numbered_without_a_gap():
    versions = [migration.version for migration in shipped_migrations()]

    assert versions == list(range(1, len(versions) + 1))


def test_a_file_with_another_name_is_refused():
    with pytest.raises(SchemaError, match=r"NNNN_name\.sql"):
        read_migrations({"1_first.sql": ""})


def test_a_number_that_stands_twice_is_refused():
    with pytest.raises(SchemaError, match="0001_one and 0001_two: renumber"):
        read_migrations({"0001_one.sql": "", "0001_two.sql": ""})


def test_line_ends_do_not_change_a_checksum():
    # Given the same text as a checkout on Windows writes it
    unix = Migration(version=1, name="a", sql="SELECT 1;\nSELECT 2;\n")
    windows = Migration(version=1, name="a", sql="SELECT 1;\r\nSELECT 2;\r\n")

    assert unix.checksum == windows.checksum


def test_an_applied_migration_that_was_changed_is_refused():
    first = Migration(version=1, name="first", sql="SELECT 1;")

    with pytest.raises(SchemaError, match="0001_first was changed.*new migration"):
        pending([first], {1: "another checksum"})


def test_a_database_newer_than_the_code_is_fine():
    first = Migration(version=1, name="first", sql="SELECT 1;")
    applied = {1: first.checksum, 2: "of a later release"}

    assert pending([first], applied) == []
    check_applied([first], applied)


def test_code_newer_than_the_database_is_refused_with_the_cure():
    first = Migration(version=1, name="first", sql="SELECT 1;")
    second = Migration(version=2, name="second", sql="SELECT 2;")

    with pytest.raises(
        SchemaError, match="at 0001 and this code needs 0002_second; run `muster migrate`"
    ):
        check_applied([first, second], {1: first.checksum})
    with pytest.raises(SchemaError, match="the schema is empty"):
        check_applied([first, second], {})
