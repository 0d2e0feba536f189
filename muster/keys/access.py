"""Who may do what: roles, the scopes that each has, the holder of a key. What is not listed is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    QUEUES_CLEAR = "queues:clear"  # call off whatever waits
    JOBS_WORK = "jobs:work"  # take the jobs of an agent that runs elsewhere
    TOKENS_ISSUE = "tokens:issue"  # exchange the key for a short-lived token
    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"  # agents and instances register and say how they are
    REGISTRY_MANAGE = "registry:manage"  # switch agents on and off, retire them
    #: No role has it: only the token of an execution, for that one.
    EXECUTION_REPORT = "execution:report"


#: The scopes of each role; a scope that stands nowhere is nobody's.
GRANTS: Mapping[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.JOBS_READ, Scope.REGISTRY_READ, Scope.TOKENS_ISSUE}),
    Role.OPERATOR: frozenset(
        {
            Scope.JOBS_READ,
            Scope.JOBS_SUBMIT,
            Scope.JOBS_MANAGE,
            Scope.REGISTRY_READ,
            Scope.REGISTRY_WRITE,
            Scope.REGISTRY_MANAGE,
            Scope.TOKENS_ISSUE,
        }
    ),
    Role.ADMIN: frozenset(Scope) - {Scope.EXECUTION_REPORT},
    Role.AGENT: frozenset(
        {
            Scope.JOBS_READ,
            Scope.JOBS_SUBMIT,
            Scope.JOBS_WORK,
            Scope.REGISTRY_READ,
            Scope.REGISTRY_WRITE,
            Scope.TOKENS_ISSUE,
        }
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """An execution that a worker outside holds: it may report while `fence` is the highest."""

    execution_id: str
    #: Partition key of the row.
    created_at: datetime
    fence: int
    #: The lease is put off no further than this.
    deadline: datetime
    #: By so much every report puts it off.
    lease: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """The holder of a key or token that was recognised."""

    key_id: str
    role: Role
    #: On whose behalf it acts; of other tenants it sees nothing.
    tenant: str
    #: What is left of the role's scopes; None: all of them. Words that are no scope allow nothing.
    scopes: frozenset[str] | None = None
    #: Set when it showed the token of an execution, which allows nothing but to report on that one.
    hold: Hold | None = None

    def may(self, scope: Scope) -> bool:
        """Whether role and scopes both allow it."""
        if self.hold is not None:
            return scope is Scope.EXECUTION_REPORT
        return scope in GRANTS[self.role] and (self.scopes is None or scope in self.scopes)


def roles_with(scope: Scope) -> tuple[Role, ...]:
    """The roles that have a scope."""
    return tuple(role for role in Role if scope in GRANTS[role])
