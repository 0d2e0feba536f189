"""Folders of agents with tables of their own, and their databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from muster.database import JobDatabase
from muster.store.opening import open_tables
from tests.support.clerk import database_of

#: `folder_of({"sql/items.sql": "..."})`
MakeFolder = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def folder_of(tmp_path: Path) -> MakeFolder:
    """Makes the folder of the agent `keeper` with these files."""

    def make(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "keeper"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return make


@pytest.fixture
def open_keeper(database_url: str, folder_of: MakeFolder) -> Iterator[Callable[..., JobDatabase]]:
    """The database of `keeper` with the statements of one file."""
    with closing(database_of(database_url)) as database:
        yield lambda sql: open_tables(
            database, agent_id="keeper", folder=folder_of({"sql/items.sql": sql})
        )
