"""The Postgres of a stage: one of our own on RDS, or somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: Memory of the RDS instance classes that a stage may name, in GiB.
INSTANCE_MEMORY_GIB: Mapping[str, int] = {
    "t4g.micro": 1,
    "t4g.small": 2,
    "t4g.medium": 4,
    "t4g.large": 8,
    "m7g.large": 8,
    "m7g.xlarge": 16,
    "m7g.2xlarge": 32,
    "r7g.large": 16,
    "r7g.xlarge": 32,
}

#: Connections granted per GiB of the instance; what RDS itself would allow is about 112, some of which swaps.
CONNECTIONS_PER_GIB = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceDatabase:
    """A Postgres of our own on RDS."""

    instance_class: str
    storage_gib: int = 20
    #: Storage grows by itself up to this size.
    max_storage_gib: int = 100
    multi_az: bool = False
    backup_days: int = 7
    #: Days between rotations of the password.
    rotation_days: int = 30

    @property
    def max_connections(self) -> int:
        """What the parameter group sets, and what the functions together must stay below."""
        return INSTANCE_MEMORY_GIB[self.instance_class] * CONNECTIONS_PER_GIB


@dataclass(frozen=True, kw_only=True, slots=True)
class ExternalDatabase:
    """A Postgres that someone else runs, told by a Secrets Manager secret."""

    #: Secret with host, port, dbname, username, password.
    secret_name: str
    tls: Literal["verify-full", "disable"] = "verify-full"
    max_connections: int = 100


def problems_of(database: InstanceDatabase) -> list[str]:
    """What RDS would not do, each with its cure."""
    problems: list[str] = []
    if database.instance_class not in INSTANCE_MEMORY_GIB:
        problems.append(
            f"database.instance_class {database.instance_class!r} is not known; "
            f"use one of {', '.join(INSTANCE_MEMORY_GIB)}"
        )
    if not 1 <= database.backup_days <= 35:
        problems.append(f"database.backup_days is {database.backup_days}; RDS keeps 1 to 35 days")
    if database.max_storage_gib <= database.storage_gib:
        problems.append(
            f"database.max_storage_gib ({database.max_storage_gib}) must exceed "
            f"storage_gib ({database.storage_gib}), so that storage can grow"
        )
    return problems
