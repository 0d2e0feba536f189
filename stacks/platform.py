"""What every function of a stage stands on."""

from __future__ import annotations

from dataclasses import dataclass

from muster.database_roles import DatabaseRole
from stacks.config import Stage
from stacks.database import DatabaseAccess
from stacks.network import NetworkStack, Placement


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """The stage, its network, its database and the version of the code that is deployed."""

    stage: Stage
    network: NetworkStack | None
    #: Of whoever migrates and registers: it owns the schema.
    database: DatabaseAccess
    code_version: str

    def placement(self, egress: str) -> Placement | None:
        """Where a function with that `egress` runs; None outside a VPC."""
        return self.network.placement(egress) if self.network is not None else None

    def access(self, role: DatabaseRole) -> DatabaseAccess:
        """How components of that role get into the database: by the login that migration makes."""
        return DatabaseAccess(secret=role.secret_name(self.stage.name))
