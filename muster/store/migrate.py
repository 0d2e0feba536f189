"""Brings a database to the schema of this code: one migrator at a time, each migration all or nothing."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from muster.clock import Clock, SystemClock
from muster.contracts import schema_of_agent
from muster.errors import StoreUnavailable
from muster.store.migration import Migration, check_applied, pending, shipped_migrations
from muster.store.statements import statements

if TYPE_CHECKING:
    from psycopg2 import extensions

#: Advisory lock of all migrators of a database: the ASCII of "muster" as a number.
LOCK_KEY = int.from_bytes(b"muster", "big")

#: How long one try of a migration waits for a table that others use, in seconds.
_TABLE_LOCK_SECONDS = 5

_POLL_SECONDS = 0.2


class MigrationBusy(StoreUnavailable):
    """Another migrator, or a long transaction, was in the way for too long; nothing was changed."""

    code = "migration_busy"


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationReport:
    """What a run found and did."""

    #: Names of the migrations that this run applied, in order; those of agents begin with the agent's id.
    applied: tuple[str, ...]
    #: The newest version in the database now; it may be newer than the code.
    version: int
    #: Indexes that a CREATE INDEX CONCURRENTLY left unusable: drop them and build them again.
    invalid_indexes: tuple[str, ...]


def migrate(
    connection: extensions.connection,
    *,
    migrations: Sequence[Migration] | None = None,
    agents: Sequence[Migration] = (),
    wait_seconds: float = 60.0,
    clock: Clock | None = None,
) -> MigrationReport:
    """Run what has not run yet. Safe to repeat, and for any number of callers at once.

    Args:
        connection: idle, outside a transaction, not shared; its autocommit mode is kept.
        agents: migrations of agents; they run after Muster's own, each in the schema of its agent.
        wait_seconds: bound of the wait for another migrator, and of that for tables in use.

    Raises:
        MigrationBusy: the wait was not enough; whoever was in the way is named where known.
        SchemaError: a migration that ran was changed since.
        psycopg2.Error: a migration is wrong; it left nothing behind.
    """
    clock = clock or SystemClock()
    give_up = clock.monotonic() + wait_seconds
    todo = shipped_migrations() if migrations is None else migrations
    with _autocommit(connection), _lock(connection, give_up, clock):
        _run(connection, "create_ledger_of_migrations")
        done: list[Migration] = []
        # Agents' tables come after the one that says which of their migrations ran.
        for wanted in (todo, agents):
            missing = _missing(connection, wanted)
            for migration in missing:
                _apply(connection, migration, give_up, clock)
            done += missing
        return MigrationReport(
            applied=tuple(str(migration) for migration in done),
            version=max(applied_migrations(connection), default=0),
            invalid_indexes=tuple(name for (name,) in _run(connection, "invalid_indexes")),
        )


def applied_migrations(connection: extensions.connection) -> dict[int, str]:
    """Version -> checksum of what ran on this database; empty where nothing ever did.

    Args:
        connection: outside a transaction, and left so.
    """
    with connection:
        return _applied(connection, None)


def check_schema(connection: extensions.connection) -> None:
    """Refuse a database that is older than this code; a newer one is fine.

    Args:
        connection: outside a transaction, and left so.

    Raises:
        SchemaError: names what is missing and the cure.
    """
    check_applied(shipped_migrations(), applied_migrations(connection))


def missing_migrations(
    connection: extensions.connection, agents: Sequence[Migration] = ()
) -> list[Migration]:
    """What `migrate` would run.

    Args:
        connection: outside a transaction, and left so.

    Raises:
        SchemaError: a migration that ran was changed since.
    """
    with connection:
        return [*_missing(connection, shipped_migrations()), *_missing(connection, agents)]


def _missing(connection: extensions.connection, migrations: Sequence[Migration]) -> list[Migration]:
    found: list[Migration] = []
    for agent_id, of_one in groupby(migrations, key=lambda migration: migration.agent_id):
        found += pending(list(of_one), _applied(connection, agent_id))
    return found


def _applied(connection: extensions.connection, agent_id: str | None) -> dict[int, str]:
    ((own, of_agents),) = _run(connection, "ledgers_exist")
    if agent_id is None:
        return dict(_run(connection, "applied_migrations")) if own else {}
    known = {"agent_id": agent_id}
    return dict(_run(connection, "applied_agent_migrations", known)) if of_agents else {}


def _apply(
    connection: extensions.connection, migration: Migration, give_up: float, clock: Clock
) -> None:
    from psycopg2.errors import DeadlockDetected, LockNotAvailable

    while True:
        try:
            remaining = max(0.1, give_up - clock.monotonic())
            _apply_once(connection, migration, min(remaining, _TABLE_LOCK_SECONDS))
        except (LockNotAvailable, DeadlockDetected) as error:
            if clock.monotonic() + _POLL_SECONDS >= give_up:
                raise MigrationBusy(
                    f"migration {migration} waited too long for a table in use; end the long "
                    "transactions in pg_stat_activity, or try again when it is quieter"
                ) from error
            clock.sleep(_POLL_SECONDS)
        else:
            return


def _apply_once(
    connection: extensions.connection, migration: Migration, lock_seconds: float
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
    try:
        _run(connection, "bound_table_locks", {"milliseconds": int(lock_seconds * 1000)})
        identity = {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
        }
        if migration.agent_id is None:
            _execute(connection, migration.sql)
            _run(connection, "record_migration", identity)
        else:
            with _schema_of(connection, migration.agent_id):
                _execute(connection, migration.sql)
            identity["agent_id"] = migration.agent_id
            _run(connection, "record_agent_migration", identity)
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
        raise


@contextmanager
def _schema_of(connection: extensions.connection, agent_id: str) -> Generator[None]:
    """Within the block names without a schema are the agent's."""
    schema = schema_of_agent(agent_id)
    ((command,),) = _run(connection, "make_agent_schema", {"schema": schema})
    _execute(connection, command)
    ((before,),) = _run(connection, "search_path")
    _run(connection, "set_search_path", {"path": schema})
    yield
    _run(connection, "set_search_path", {"path": before})
    for (command,) in _run(connection, "open_agent_schema", {"schema": schema}):
        _execute(connection, command)


@contextmanager
def _lock(connection: extensions.connection, give_up: float, clock: Clock) -> Generator[None]:
    key = {"key": LOCK_KEY}
    while not _run(connection, "try_lock", key)[0][0]:
        if clock.monotonic() + _POLL_SECONDS >= give_up:
            holders = [
                f"process {pid} {name}".strip()
                for pid, name in _run(connection, "lock_holder", key)
            ]
            raise MigrationBusy(
                f"another migration is under way ({', '.join(holders) or 'it just ended'}); "
                "wait for it, or end it with pg_terminate_backend, and try again"
            )
        clock.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.closed:
            _run(connection, "unlock", key)


@contextmanager
def _autocommit(connection: extensions.connection) -> Generator[None]:
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before


def _execute(connection: extensions.connection, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _run(
    connection: extensions.connection, name: str, parameters: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statements("migration")[name].text, parameters)
        return cursor.fetchall() if cursor.description else []
