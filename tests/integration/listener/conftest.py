"""Listeners of a test agent, each a real process; every history must be legal when a test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.endpoint.client import Endpoint
from tests.support.invariants import history_holds
from tests.support.listening import Rig, queue_server, rigs


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    """The queues of all rigs."""
    with queue_server() as endpoint:
        yield endpoint


@pytest.fixture
def make_rig(tmp_path: Path, endpoint: Endpoint) -> Iterator[Callable[..., Rig]]:
    """`make_rig(url)`: a rig on that database."""
    with rigs(tmp_path, endpoint) as make:
        yield make


@pytest.fixture
def rig(make_rig: Callable[..., Rig], database_url: str) -> Iterator[Rig]:
    """A rig on an empty database."""
    made = make_rig(database_url)
    yield made
    assert history_holds(database_url) == []
