"""A worker with a good connection, for what comes before and after a fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clerk import Clerk
from tests.support.invariants import history_holds


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    """A worker at an empty ledger, whose log must be a legal history when the test ends."""
    clerk = Clerk(database_url)
    yield clerk
    problems = history_holds(clerk.query)
    clerk.close()
    assert problems == []
