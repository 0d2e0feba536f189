"""An agent's tables of its own: what is wrong with the names in its folder, told at synth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from muster.contracts import MIGRATIONS_FOLDER, schema_of_agent
from muster.manifest.model import Manifest
from muster.manifest.problem import Problem, shown

#: Postgres cuts longer names, and two agents would meet in one schema.
_LONGEST_NAME = 63

_FILE = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


def has_tables(manifest: Manifest) -> bool:
    """Whether the agent's folder holds migrations."""
    return _migrations(manifest).is_dir()


def table_problems(manifest: Manifest) -> Iterator[Problem]:
    """What is wrong with the names in the agent's folder of migrations."""
    if not has_tables(manifest):
        return
    folder = _migrations(manifest)
    names = sorted(file.name for file in folder.iterdir())
    matches = [(name, _FILE.fullmatch(name)) for name in names]
    for name, match in matches:
        if match is None:
            yield _problem(folder / name, "name it NNNN_name.sql, such as 0001_items.sql")
    numbers = [int(match[1]) for _, match in matches if match is not None]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        yield _problem(folder, "number its files from 0001 on, each number once")
    too_long = len(schema_of_agent(manifest.id)) - _LONGEST_NAME
    if too_long > 0:
        most = len(manifest.id) - too_long
        yield Problem(
            file=str(folder),
            key="id",
            value=shown(manifest.id),
            cure=f"an agent with tables has an id of at most {most} characters",
        )


def _migrations(manifest: Manifest) -> Path:
    return (manifest.folder or Path(manifest.id)) / MIGRATIONS_FOLDER


def _problem(path: Path, cure: str) -> Problem:
    return Problem(file=str(path), key="", value="", cure=cure)
