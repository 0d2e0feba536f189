"""Real Postgres for tests. The docstrings are the interface; take the first fixture that will do.

* `database_url`: a migrated database of the test's own, on one server shared by the session.
* `each_database_url`: the same, once for every PostgreSQL version at hand (RDS offers 15 to 18).
* `empty_database_url`: a database without a table, for tests of the migrations themselves.
* `data_at_hand`: the data of the local cloud of `cloud_folder`, made before its first start.
* `own_postgres`: a server of the test's own, which it may crash, stop and restart.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import psycopg2.extensions
import psycopg2.sql
import pytest

from local.postgres import Postgres
from local.postgres_binaries import installed
from tests.support.cloud import CloudFolder
from tests.support.fresh_postgres import TEMPLATE, blank_postgres, ready_postgres
from tests.support.kept_port import kept_port

_NEWEST = max(installed())
#: Bytes that a run of tests may fill.
_ROOM = 4 * 2**30
_numbers = itertools.count(1)
#: Connections by which databases are made and removed, by their servers' URLs: each test needs it twice.
_administrators: dict[str, psycopg2.extensions.connection] = {}


@pytest.fixture(scope="session")
def postgres_of() -> Iterator[Callable[[int], Postgres]]:
    """`postgres_of(18)`: the session's server of a major version, started when first asked for."""
    servers: dict[int, Postgres] = {}
    folder = _folder("muster-test-postgres-")

    def server(version: int) -> Postgres:
        if version not in servers:
            started = ready_postgres(folder / str(version), version)
            started.start()
            servers[version] = started
        return servers[version]

    yield server
    for started in servers.values():
        started.stop(immediate=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(postgres_of: Callable[[int], Postgres]) -> Postgres:
    """The session's server of the newest version; shared, so neither stop it nor change settings."""
    return postgres_of(_NEWEST)


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """libpq URL of a migrated, otherwise empty database that only this test sees."""
    yield from _temporary_database(postgres, template=TEMPLATE)


@pytest.fixture
def second_database_url(postgres: Postgres) -> Iterator[str]:
    """Another one, for tests that compare two ways to the same end."""
    yield from _temporary_database(postgres, template=TEMPLATE)


@pytest.fixture
def empty_database_url(postgres: Postgres) -> Iterator[str]:
    """libpq URL of a database without any table."""
    yield from _temporary_database(postgres, template="template0")


@pytest.fixture(params=sorted(installed()), ids=lambda version: f"postgres{version}")
def each_database_url(
    request: pytest.FixtureRequest, postgres_of: Callable[[int], Postgres]
) -> Iterator[str]:
    """`database_url`, and the test runs once for every version of PostgreSQL at hand."""
    yield from _temporary_database(postgres_of(request.param), template=TEMPLATE)


@pytest.fixture(params=sorted(installed()), ids=lambda version: f"postgres{version}")
def each_empty_database_url(
    request: pytest.FixtureRequest, postgres_of: Callable[[int], Postgres]
) -> Iterator[str]:
    """`empty_database_url`, and the test runs once for every version of PostgreSQL at hand."""
    yield from _temporary_database(postgres_of(request.param), template="template0")


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A started server of this test's own with a migrated database `muster`.

    `own_postgres.stop(immediate=True)` is a crash, `.start()` brings it back on its data and port,
    `.url("muster")` stays the same throughout.
    """
    folder = _folder("muster-test-own-postgres-")
    server = ready_postgres(folder, _NEWEST)
    with kept_port() as server.port:
        try:
            server.start()
            make_database(server, "muster", template=TEMPLATE)
            yield server
        finally:
            server.stop(immediate=True)
            shutil.rmtree(folder)


@pytest.fixture
def data_at_hand(cloud_folder: CloudFolder) -> None:
    """Data as a cloud's first start makes it, where that is not what a test is about."""
    blank_postgres(cloud_folder.checkout.database, _NEWEST)


def make_database(server: Postgres, name: str, *, template: str = "template0") -> None:
    """Make a database on a running server, as a copy of the template's files: half the work of its pages."""
    _administer(server, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)


def drop_database(server: Postgres, name: str) -> None:
    """Remove it, and end whatever is still connected to it."""
    _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def _folder(prefix: str) -> Path:
    """A new folder, in memory where there is room: a test makes hundreds of files, and removes them."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    return Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else None))


def _temporary_database(server: Postgres, *, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    make_database(server, name, template=template)
    try:
        yield server.url(name)
    finally:
        drop_database(server, name)


def _administer(server: Postgres, statement: str, *names: str) -> None:
    identifiers = [psycopg2.sql.Identifier(name) for name in names]
    with _administrator(server).cursor() as cursor:
        cursor.execute(psycopg2.sql.SQL(statement).format(*identifiers))


def _administrator(server: Postgres) -> psycopg2.extensions.connection:
    """A connection that lives; a server that crashed or stopped gets another one."""
    kept = _administrators.get(server.url())
    if kept is not None and _lives(kept):
        return kept
    connection = _administrators[server.url()] = psycopg2.connect(server.url())
    connection.autocommit = True  # what makes a database refuses to run in a transaction
    return connection


def _lives(connection: psycopg2.extensions.connection) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        connection.close()
        return False
    return True
