"""An empty ledger on every PostgreSQL version at hand: one database a version, emptied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.postgres import Postgres
from local.postgres_binaries import installed
from tests.support.clerk import Clerk
from tests.support.fresh_postgres import TEMPLATE
from tests.support.invariants import history_holds
from tests.support.postgres import drop_database, make_database

_TABLES = ("agent_job_execution", "execution_event", "job_key", "agent_registry", "lease")


@pytest.fixture(
    scope="session", params=sorted(installed()), ids=lambda version: f"postgres{version}"
)
def ledger_url(
    request: pytest.FixtureRequest, postgres_of: Callable[[int], Postgres]
) -> Iterator[str]:
    """A migrated database that the ledger's tests share; made anew where tests of two versions take turns."""
    server = postgres_of(request.param)
    make_database(server, "ledger", template=TEMPLATE)
    yield server.url("ledger")
    drop_database(server, "ledger")


@pytest.fixture
def clerk(ledger_url: str) -> Iterator[Clerk]:
    """A worker at an empty ledger, whose log must be a legal history when the test ends."""
    clerk = Clerk(ledger_url)
    clerk.query("; ".join(f"DELETE FROM {table}" for table in _TABLES))
    yield clerk
    problems = history_holds(clerk.query)
    clerk.close()
    assert problems == []
