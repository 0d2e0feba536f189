"""Agents that are called in child processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.isolated import Isolated, write_agent

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
