"""Turns a lock and a wheelhouse into a folder of installed packages: no network, no subprocess, no surprise.

A wheel is a zip file that unpacks as it is, so a layer needs no installer. Every wheel's SHA-256 must be in
the lock.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from muster.errors import ConfigurationError

_REQUIREMENT = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(?:;(?P<marker>.*))?$"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
#: `<package>-<version>.data/<scheme>/…`: what belongs beside the package, and what is dropped.
_DATA = re.compile(r"^[^/]+\.data/(?P<scheme>[^/]+)/(?P<rest>.+)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One pinned package of a lock."""

    name: str
    version: str
    marker: str | None
    sha256: frozenset[str]


def read_lock(lock: Path) -> list[Requirement]:
    """The requirements of a hash-pinned lock.

    Raises:
        ConfigurationError: a line is not `name==version` with at least one hash.
    """
    joined = lock.read_text().replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()]
    requirements: list[Requirement] = []
    for line in filter(None, lines):
        hashes = frozenset(_HASH.findall(line))
        match = _REQUIREMENT.match(_HASH.sub("", line).strip())
        if match is None or not hashes:
            raise ConfigurationError(
                f"{lock}: {line[:80]!r} is not pinned as name==version with --hash=sha256:…; "
                "write the lock with `uv pip compile --generate-hashes`"
            )
        marker = (match["marker"] or "").strip() or None
        requirements.append(
            Requirement(
                name=_normal(match["name"]),
                version=match["version"],
                marker=marker,
                sha256=hashes,
            )
        )
    return requirements


def find_wheels(lock: Path, *, wheelhouse: Path, environment: Mapping[str, str]) -> list[Path]:
    """The wheel of every requirement that applies in `environment` (PEP 508 names to values).

    Raises:
        ConfigurationError: a wheel is missing, or is not the one that was locked.
    """
    from packaging.markers import Marker

    files: dict[tuple[str, str], list[Path]] = {}
    for file in sorted(wheelhouse.glob("*.whl")):
        name, version = file.name.split("-")[:2]
        files.setdefault((_normal(name), version), []).append(file)
    wheels: list[Path] = []
    missing: list[str] = []
    for requirement in read_lock(lock):
        if requirement.marker and not Marker(requirement.marker).evaluate(dict(environment)):
            continue
        candidates = files.get((requirement.name, requirement.version), [])
        fitting = [file for file in candidates if _sha256(file) in requirement.sha256]
        if fitting:
            wheels.append(fitting[0])
        else:
            changed = " (its content is not what the lock names)" if candidates else ""
            missing.append(f"{requirement.name}=={requirement.version}{changed}")
    if missing:
        raise ConfigurationError(
            f"{lock}: {wheelhouse} has no wheel of {', '.join(missing)}; run `make setup`"
        )
    return wheels


def unpacked_bytes(wheels: Iterable[Path]) -> int:
    """Size of the wheels once unpacked."""
    total = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            total += sum(entry.file_size for entry in archive.infolist())
    return total


def _all(_: PurePosixPath) -> bool:
    return True


def unpack(
    wheels: Iterable[Path],
    *,
    target: Path,
    wanted: Callable[[PurePosixPath], bool] = _all,
) -> None:
    """Unpack wheels into a folder that is then on `sys.path`; scripts and headers are left out.

    Args:
        wanted: says of a file, by its path in the folder, whether it is taken.

    Raises:
        ConfigurationError: a wheel holds a path that leads out of the folder.
    """
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                data = _DATA.match(entry.filename)
                if data and data["scheme"] not in ("purelib", "platlib"):
                    continue
                inside = PurePosixPath(data["rest"] if data else entry.filename)
                if inside.is_absolute() or ".." in inside.parts:
                    raise ConfigurationError(f"{wheel}: refuses to unpack {entry.filename!r}")
                if not wanted(inside):
                    continue
                file = target / inside
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(entry))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
