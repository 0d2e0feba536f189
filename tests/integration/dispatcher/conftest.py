"""Workshops: a test agent with its lane, DLQ, ledger, worker and dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.invariants import history_holds
from tests.support.worker import Workshop


@pytest.fixture
def workshop(database_url: str) -> Iterator[Callable[..., Workshop]]:
    """`workshop(...)` makes one; when the test ends its log must be a legal history."""
    made: list[Workshop] = []

    def make(url: str = database_url, **options: Any) -> Workshop:
        made.append(Workshop(url, direct_url=database_url, **options))
        return made[-1]

    yield make
    problems = history_holds(made[0].clerk.query if made else database_url)
    for each in made:
        each.close()
    assert problems == []
