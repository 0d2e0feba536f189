"""The migrations that ship with the code: numbered SQL files, never changed once released."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from muster.contracts import MIGRATIONS_FOLDER
from muster.errors import ConfigurationError

_FILE = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")


class SchemaError(ConfigurationError):
    """The database's schema and this code do not fit."""

    code = "schema"


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`."""

    version: int
    name: str
    sql: str
    #: The agent whose tables it makes; None for Muster's own.
    agent_id: str | None = None

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, line ends unified."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()

    def __str__(self) -> str:
        own = f"{self.version:04}_{self.name}"
        return own if self.agent_id is None else f"{self.agent_id}/{own}"


@cache
def shipped_migrations() -> tuple[Migration, ...]:
    """Every migration of this code, in order."""
    folder = files("muster.store") / "migrations"
    return read_migrations(
        {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.is_file()}
    )


def agent_migrations(folders: Iterable[Path]) -> tuple[Migration, ...]:
    """The migrations of these agents' folders, agent by agent, each in order.

    Raises:
        SchemaError: as `read_migrations`, or an agent's folder has none.
    """
    found: list[Migration] = []
    for folder in sorted(folders, key=lambda folder: folder.name):
        files = sorted((folder / MIGRATIONS_FOLDER).glob("*.sql"))
        if not files:
            raise SchemaError(f"{folder / MIGRATIONS_FOLDER} holds no migration; deploy its agent")
        texts = {file.name: file.read_text("utf-8") for file in files}
        found += read_migrations(texts, agent_id=folder.name)
    return tuple(found)


def read_migrations(
    texts: Mapping[str, str], *, agent_id: str | None = None
) -> tuple[Migration, ...]:
    """Migrations from file names and texts, in order.

    Raises:
        SchemaError: a name is not NNNN_name.sql, or a number stands twice.
    """
    found: dict[int, Migration] = {}
    for file, sql in sorted(texts.items()):
        match = _FILE.fullmatch(file)
        if match is None:
            raise SchemaError(f"migration {file}: name it NNNN_name.sql, such as 0003_labels.sql")
        migration = Migration(version=int(match[1]), name=match[2], sql=sql, agent_id=agent_id)
        if migration.version in found:
            raise SchemaError(
                f"migrations {found[migration.version]} and {migration}: renumber one"
            )
        found[migration.version] = migration
    return tuple(found.values())


def pending(migrations: Sequence[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """What is still to run. Versions that only the database knows are fine: it is newer.

    Args:
        applied: version -> checksum of what ran.

    Raises:
        SchemaError: a migration that ran was changed since.
    """
    for migration in migrations:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise SchemaError(
                f"migration {migration} was changed after it ran on this database; "
                "restore its text, and write the change as a new migration"
            )
    return [migration for migration in migrations if migration.version not in applied]


def check_applied(migrations: Sequence[Migration], applied: Mapping[int, str]) -> None:
    """Refuse a database that is older than the code; a newer one is fine.

    Raises:
        SchemaError: names what is missing and the cure.
    """
    missing = pending(migrations, applied)
    if missing:
        newest = f"at {max(applied):04}" if applied else "empty"
        raise SchemaError(
            f"the schema is {newest} and this code needs {', '.join(map(str, missing))}; "
            "run `muster migrate`, or deploy the registry stack first"
        )
