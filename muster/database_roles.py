"""Who connects to the database as whom: names that infrastructure and runtime share. Standard library only.

A component has the rights of a group, `muster_<role>`, which a migration gives what its statements need.
It connects by a login of its stage that is in that group and owns nothing; a secret holds its password.
"""

from __future__ import annotations

from enum import StrEnum


class DatabaseRole(StrEnum):
    """What a component is to the database."""

    #: Functions and listeners that run agents.
    WORKER = "worker"
    DISPATCHER = "dispatcher"
    API = "api"

    @property
    def group(self) -> str:
        """The group that holds its rights, on every server the same."""
        return f"muster_{self}"

    def login(self, stage: str) -> str:
        """The login of a stage's components."""
        return f"muster_{stage.replace('-', '_')}_{self}"

    def secret_name(self, stage: str) -> str:
        """Name in Secrets Manager of the secret with that login: of the shape of the database's own."""
        return f"muster/{stage}/database/{self}"
