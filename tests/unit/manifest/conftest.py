"""Agents' folders made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from muster.manifest import ManifestError, Problem, load_agents

#: `write(toml, folder="tidy")` makes an agent's folder and returns its root.
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(toml: str, *, folder: str = "tidy", code: bool = True) -> Path:
        path = tmp_path / folder
        path.mkdir()
        (path / "agent.toml").write_text(toml, "utf-8")
        if code:
            (path / "agent.py").touch()
        return tmp_path

    return make


@pytest.fixture
def problems(write: Write) -> Callable[..., list[Problem]]:
    """`problems(toml)`: everything that is wrong with a manifest, `id` and `version` given."""

    def read(toml: str, **options: object) -> list[Problem]:
        root = write(f'id = "tidy"\nversion = "1"\n{toml}', **options)
        try:
            load_agents([root])
        except ManifestError as error:
            return list(error.problems)
        return []

    return read
