"""Reads manifests from folders: `<root>/<agent>/agent.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from muster.manifest.model import Manifest
from muster.manifest.parse import parse
from muster.manifest.problem import ManifestError, Problem, shown

MANIFEST_FILE = "agent.toml"


def load_manifest(path: Path, *, check_schemas: bool = True) -> Manifest:
    """Read one manifest.

    Args:
        path: the agent's folder, or the `agent.toml` in it.
        check_schemas: False skips the rules about JSON Schemas; a deployed agent passed them at synth.

    Raises:
        ManifestError: with every problem.
    """
    manifest, problems = _load(path, check_schemas=check_schemas)
    if problems or manifest is None:
        raise ManifestError(problems)
    return manifest


def load_agents(roots: Iterable[Path]) -> tuple[Manifest, ...]:
    """Read the manifests of all agents below the roots, sorted by id.

    Raises:
        ManifestError: with every problem of every file, duplicate ids included.
    """
    problems: list[Problem] = []
    manifests: dict[str, Manifest] = {}
    for root in roots:
        if not root.is_dir():
            cure = "there is no such folder; make it, or take it out of the stage's agent roots"
            problems.append(Problem(file=str(root), key="", value="", cure=cure))
            continue
        for folder in _folders(root):
            manifest, found = _load(folder)
            problems += found
            if manifest is None or not manifest.id:
                continue
            other = manifests.setdefault(manifest.id, manifest)
            if other is not manifest:
                problems.append(_duplicate(manifest, other))
    if problems:
        raise ManifestError(problems)
    return tuple(manifests[id_] for id_ in sorted(manifests))


def _folders(root: Path) -> Iterator[Path]:
    """Folders that are meant to be agents: not hidden, not a cache, not left over with only a cache."""
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith((".", "__")):
            continue
        if any(entry.name != "__pycache__" for entry in folder.iterdir()):
            yield folder


def _load(path: Path, *, check_schemas: bool = True) -> tuple[Manifest | None, list[Problem]]:
    folder = path.parent if path.name == MANIFEST_FILE else path
    file = folder / MANIFEST_FILE
    try:
        document = _document(file)
    except (OSError, ValueError, RecursionError) as error:
        return None, [Problem(file=str(file), key="", value="", cure=_unreadable(error))]
    return parse(document, file=str(file), folder=folder.absolute(), check_schemas=check_schemas)


def _document(file: Path) -> dict[str, Any]:
    # A byte order mark is what some editors write first; TOML knows none.
    return tomllib.loads(file.read_text("utf-8-sig"))


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no manifest; add one, or remove the folder"
    if isinstance(error, UnicodeDecodeError):
        return f"save it as UTF-8: byte {error.start} is not"
    if isinstance(error, RecursionError):
        return "nest less deeply"
    return f"write valid TOML: {error}"


def _duplicate(manifest: Manifest, other: Manifest) -> Problem:
    return Problem(
        file=f"{manifest.folder}/{MANIFEST_FILE}",
        key="id",
        value=shown(manifest.id),
        cure=f"give each agent an id of its own; {other.folder} has this one too",
    )
