"""Listeners of a test agent, each a real process; every history must be legal when a test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.invariants import history_holds
from tests.support.listening import Rig, rigs


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """`make_rig(url)`: a rig on that database."""
    with rigs(tmp_path) as make:
        yield make


@pytest.fixture
def rig(make_rig: Callable[..., Rig], database_url: str) -> Iterator[Rig]:
    """A rig on an empty database."""
    made = make_rig(database_url)
    yield made
    assert history_holds(database_url) == []
