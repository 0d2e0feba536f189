"""Migrations on a real server. Named after the faults of the catalogue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from muster.store.migrate import (
    LOCK_KEY,
    MigrationBusy,
    applied_migrations,
    check_schema,
    migrate,
)
from muster.store.migration import Migration, SchemaError, shipped_migrations

#: Every object of the schema, as text that two databases can be compared by.
SHAPE = """
    SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index', tablename, indexname, indexdef, '', ''
      FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'function', proname, prosrc, '', '', ''
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    ORDER BY 1, 2, 3, 4
"""

HOLD_THE_LOCK = f"""
import sys, psycopg2
cursor = psycopg2.connect(sys.argv[1]).cursor()
cursor.execute('SELECT pg_advisory_lock({LOCK_KEY})')
print('locked', flush=True)
sys.stdin.read()
"""

MIGRATE = """
import sys, psycopg2
from muster.store.migrate import migrate
connection = psycopg2.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
report = migrate(connection, wait_seconds=300)
print(len(report.applied), report.version)
"""


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[extensions.connection]:
    with closing(psycopg2.connect(empty_database_url)) as connection:
        yield connection


def fetch(connection: extensions.connection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def test_migrations_run_on_every_postgres_at_hand(each_empty_database_url: str):
    with closing(psycopg2.connect(each_empty_database_url)) as connection:
        report = migrate(connection)

        assert report.version == shipped_migrations()[-1].version
        check_schema(connection)


def test_migrating_again_changes_nothing(connection: extensions.connection):
    # Given a migrated database
    migrate(connection)
    rows = fetch(connection, "SELECT * FROM schema_migration ORDER BY version")

    # When it is migrated again
    report = migrate(connection)

    # Then nothing ran, and not even the bookkeeping moved
    assert report.applied == ()
    assert fetch(connection, "SELECT * FROM schema_migration ORDER BY version") == rows


def test_fault_39_of_eight_migrators_at_once_one_runs_and_the_others_wait(empty_database_url: str):
    # Given eight processes that are connected and wait for the word
    migrators = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty_database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for migrator in migrators:
        assert migrator.stdout is not None
        assert migrator.stdout.readline() == "ready\n"

    # When all start at once
    for migrator in migrators:
        assert migrator.stdin is not None
        migrator.stdin.write("go\n")
        migrator.stdin.flush()
    answers = sorted(migrator.communicate(timeout=300)[0].split() for migrator in migrators)

    # Then one ran every migration, and all saw the final version
    count, newest = len(shipped_migrations()), shipped_migrations()[-1].version
    assert answers == [["0", str(newest)]] * 7 + [[str(count), str(newest)]]
    assert [migrator.returncode for migrator in migrators] == [0] * 8


def test_fault_39_the_wait_for_another_migrator_is_bounded_and_names_it(empty_database_url: str):
    # Given a migrator that holds the lock and never ends
    with (
        closing(psycopg2.connect(empty_database_url, application_name="stuck")) as stuck,
        closing(psycopg2.connect(empty_database_url)) as connection,
    ):
        fetch(stuck, "SELECT pg_advisory_lock(%s)", LOCK_KEY)
        pid = stuck.info.backend_pid

        # When another gives up waiting, then it says for whom it waited
        with pytest.raises(MigrationBusy, match=f"process {pid} stuck.*try again"):
            migrate(connection, wait_seconds=0.5)

        # And once that one is gone, it runs
        fetch(connection, "SELECT pg_terminate_backend(%s)", pid)
        assert migrate(connection, wait_seconds=60).applied


def test_fault_39_a_table_in_use_is_waited_for_with_a_bound(
    empty_database_url: str, connection: extensions.connection
):
    # Given a table that a long transaction holds
    first = Migration(version=1, name="first", sql="CREATE TABLE busy (id integer);")
    second = Migration(version=2, name="second", sql="ALTER TABLE busy ADD COLUMN name text;")
    migrate(connection, migrations=[first])
    with closing(psycopg2.connect(empty_database_url)) as reader, reader.cursor() as cursor:
        cursor.execute("LOCK TABLE busy IN ACCESS SHARE MODE")

        # When a migration needs it, then it gives up, names the cure, and left nothing behind
        with pytest.raises(MigrationBusy, match="0002_second waited too long.*pg_stat_activity"):
            migrate(connection, migrations=[first, second], wait_seconds=0.5)
        assert applied_migrations(connection).keys() == {1}

    # And afterwards it runs
    assert migrate(connection, migrations=[first, second]).applied == ("0002_second",)


#: Ends the session at the command that counts -1. The count survives the rollback: it is a sequence.
KILLER = """
    CREATE SCHEMA killer;
    CREATE SEQUENCE killer.commands MINVALUE -1000000;
    CREATE FUNCTION killer.kill() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('killer.commands') = -1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    END $$;
    CREATE EVENT TRIGGER killer ON ddl_command_end EXECUTE FUNCTION killer.kill();
"""


@pytest.mark.slow
def test_fault_40_killed_at_each_statement_a_migration_is_resumable(
    empty_database_url: str, connection: extensions.connection, second_database_url: str
):
    """What was applied before a kill stays, so each run is killed one command further than the last got."""
    # Given the schema as it is without a fault, and a database whose sessions can be killed
    with closing(psycopg2.connect(second_database_url)) as whole:
        expected, every = fetch(whole, SHAPE), applied_migrations(whole)
    fetch(connection, KILLER)
    kills, shapes = 0, dict[int, list[tuple[Any, ...]]]()
    command = 1
    while True:
        # When the session is killed at the n-th command after those migrations that are applied already
        before = _applied(connection)
        fetch(connection, "SELECT setval('killer.commands', %s, false)", -command)
        with closing(psycopg2.connect(empty_database_url)) as killed:
            try:
                migrate(killed)
                break
            except psycopg2.OperationalError:
                pass
        after, left = _applied(connection), fetch(connection, SHAPE)
        kills += 1
        # Then the migration that was hit left nothing (at the first command there is no ledger of them yet)
        if command > 1:
            assert shapes.setdefault(after, left) == left
        # Where one got through, the next died at its first; every run begins with its ledger's command
        command = command + 1 if after == before else 3
    # And commands of every migration were tried, and the runs together ended at the same schema
    assert {applied + 1 for applied in shapes} == set(every)
    assert kills > 20
    assert fetch(connection, SHAPE) == expected


def _applied(connection: extensions.connection) -> int:
    """How many migrations are; none where a kill came before their ledger was made."""
    [(ledger,)] = fetch(connection, "SELECT to_regclass('schema_migration')")
    return len(applied_migrations(connection)) if ledger else 0


def test_fault_40_a_migrator_that_is_killed_frees_the_lock(empty_database_url: str):
    # Given a process that is killed while it holds the lock
    with closing(psycopg2.connect(empty_database_url)) as connection:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_THE_LOCK, empty_database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.kill()
        holder.communicate(timeout=120)

        # Then another migrates without waiting for anyone's timeout
        assert migrate(connection, wait_seconds=60).applied


def test_fault_40_a_wrong_migration_leaves_nothing_and_those_before_it_stay(
    connection: extensions.connection,
):
    first = Migration(version=1, name="first", sql="CREATE TABLE kept (id integer);")
    wrong = Migration(version=2, name="wrong", sql="CREATE TABLE lost (id integer); SELECT 1/0;")

    with pytest.raises(psycopg2.errors.DivisionByZero):
        migrate(connection, migrations=[first, wrong])

    tables = fetch(connection, "SELECT to_regclass('kept') IS NULL, to_regclass('lost') IS NULL")
    assert tables == [(False, True)]
    assert applied_migrations(connection).keys() == {1}


def test_fault_40_a_schema_newer_than_the_code_is_accepted(connection: extensions.connection):
    # Given a database that a later release migrated
    migrate(connection)
    fetch(connection, "INSERT INTO schema_migration VALUES (9999, 'later', 'unknown')")

    # When this release looks at it, then it is content
    check_schema(connection)
    assert migrate(connection).version == 9999


def test_fault_40_a_schema_older_than_the_code_is_refused_with_the_cure(
    connection: extensions.connection,
):
    with pytest.raises(
        SchemaError, match="schema is empty and this code needs 0001_.*muster migrate"
    ):
        check_schema(connection)

    migrate(connection, migrations=shipped_migrations()[:1])

    with pytest.raises(SchemaError, match="at 0001 and this code needs 0002_registration"):
        check_schema(connection)


def test_fault_40_a_migration_changed_after_it_ran_is_refused(connection: extensions.connection):
    # Given a database with the first text
    migrate(connection, migrations=[Migration(version=1, name="first", sql="SELECT 1;")])

    # When the text was changed, then nothing runs
    changed = Migration(version=1, name="first", sql="SELECT 2;")
    second = Migration(version=2, name="second", sql="SELECT 3;")
    with pytest.raises(SchemaError, match="0001_first was changed"):
        migrate(connection, migrations=[changed, second])
    assert applied_migrations(connection).keys() == {1}


def test_fault_40_an_invalid_index_left_behind_is_reported(connection: extensions.connection):
    # Given a concurrent index build that failed in its middle
    fetch(connection, "CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (1)")
    connection.autocommit = True
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (id)")

    # Then migrating names it
    assert migrate(connection, migrations=[]).invalid_indexes == ("broken",)
