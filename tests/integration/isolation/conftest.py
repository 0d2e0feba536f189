"""Agents that are called in child processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.invariants import history_holds
from tests.support.isolated import Isolated, write_agent
from tests.support.worker import Workshop

Isolate = Callable[..., Isolated]


@pytest.fixture
def isolate(tmp_path: Path) -> Iterator[Isolate]:
    """`isolate(body)` is an agent with that body; when the test ends nothing of its jobs is left."""
    made: list[Isolated] = []
    before = _descriptors()

    def make(body: str, *, head: str = "", **options: Any) -> Isolated:
        folder = write_agent(tmp_path / f"agent-{len(made)}", body, head=head)
        made.append(Isolated(folder, **options))
        return made[-1]

    yield make
    assert [list(each.places.iterdir()) for each in made] == [[] for _ in made]
    assert _descriptors() == before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def workshop(database_url: str) -> Iterator[Callable[..., Workshop]]:
    """`workshop(...)` makes one; when the test ends its log must be a legal history.

    A job has time for the start of its process, and for that of others beside it.
    """
    made: list[Workshop] = []

    def make(**options: Any) -> Workshop:
        if "caller" in options:
            options = {"timeout": timedelta(seconds=30), **options}
        made.append(Workshop(database_url, **options))
        return made[-1]

    yield make
    problems = history_holds(made[0].clerk.query if made else database_url)
    for each in made:
        each.close()
    assert problems == []
