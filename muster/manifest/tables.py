"""An agent's tables of its own: what is wrong with the files in its folder, told at synth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from muster.contracts import MIGRATIONS_FOLDER, STATEMENTS_FOLDER, schema_of_agent
from muster.manifest.model import Manifest
from muster.manifest.problem import Problem, shown

#: Postgres cuts longer names, and two agents would meet in one schema.
_LONGEST_NAME = 63

_FILE = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")
_NAMED = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def has_tables(manifest: Manifest) -> bool:
    """Whether the agent's folder holds migrations."""
    return _migrations(manifest).is_dir()


def table_problems(manifest: Manifest) -> Iterator[Problem]:
    """What is wrong with the agent's migrations and statements, as far as no database is needed to say it."""
    yield from _migration_problems(manifest)
    yield from _statement_problems(_folder(manifest) / STATEMENTS_FOLDER)


def _statement_problems(folder: Path) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for file in sorted(folder.glob("*.sql")):
        try:
            names = _NAMED.findall(file.read_text("utf-8"))
        except UnicodeDecodeError:
            yield _problem(file, "write it as UTF-8")
            continue
        if not names:
            yield _problem(file, "head each of its statements with a line `-- name: <name>`")
        for name in names:
            if name in first:
                yield _problem(file, f"{first[name]} names {name} already; rename one of the two")
            first.setdefault(name, file.name)


def _migration_problems(manifest: Manifest) -> Iterator[Problem]:
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
    return _folder(manifest) / MIGRATIONS_FOLDER


def _folder(manifest: Manifest) -> Path:
    return manifest.folder or Path(manifest.id)


def _problem(path: Path, cure: str) -> Problem:
    return Problem(file=str(path), key="", value="", cure=cure)
