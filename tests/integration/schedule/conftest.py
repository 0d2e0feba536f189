"""A workshop whose agent has schedules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.invariants import history_holds
from tests.support.schedules import Timetable
from tests.support.worker import Workshop


@pytest.fixture
def timetable(database_url: str) -> Iterator[Timetable]:
    """No schedules yet; when the test ends the log must be a legal history."""
    shop = Workshop(database_url)
    yield Timetable(shop)
    problems = history_holds(shop.clerk.query)
    shop.close()
    assert problems == []
