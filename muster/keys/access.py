"""Who may do what: roles, the scopes that each has, the holder of a key. What is not listed is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a key's holder is."""

    VIEWER = "viewer"  # looks, and changes nothing
    OPERATOR = "operator"  # runs the jobs
    ADMIN = "admin"  # may do everything in the tenant
    AGENT = "agent"  # a worker or another program that hands jobs in


class Scope(StrEnum):
    """What a route asks for."""

    JOBS_READ = "jobs:read"
    JOBS_SUBMIT = "jobs:submit"
    JOBS_MANAGE = "jobs:manage"  # cancel and retry what somebody else asked for


#: The scopes of each role; a scope that stands nowhere is nobody's.
GRANTS: Mapping[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.JOBS_READ}),
    Role.OPERATOR: frozenset({Scope.JOBS_READ, Scope.JOBS_SUBMIT, Scope.JOBS_MANAGE}),
    Role.ADMIN: frozenset(Scope),
    Role.AGENT: frozenset({Scope.JOBS_READ, Scope.JOBS_SUBMIT}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """The holder of a key that was recognised."""

    key_id: str
    role: Role
    #: On whose behalf it acts; of other tenants it sees nothing.
    tenant: str
    #: What is left of the role's scopes; None: all of them. Words that are no scope allow nothing.
    scopes: frozenset[str] | None = None

    def may(self, scope: Scope) -> bool:
        """Whether role and scopes both allow it."""
        return scope in GRANTS[self.role] and (self.scopes is None or scope in self.scopes)


def roles_with(scope: Scope) -> tuple[Role, ...]:
    """The roles that have a scope."""
    return tuple(role for role in Role if scope in GRANTS[role])
