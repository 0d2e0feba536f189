"""Rights of roles: statements taken apart into what can be used, or not, by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.support.privilege.call import Call
from tests.support.privilege.statement import Statement


@dataclass(frozen=True, kw_only=True, order=True)
class Unit:
    """What is granted, by the names that constructs have: the same in every deploy, and of every agent."""

    role: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.resource}"


@dataclass(frozen=True, kw_only=True)
class Right:
    """One action on one resource, by one statement."""

    unit: Unit
    statement: Statement


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A deployed role with everything that allows or denies it something."""

    #: Name and ARN as deployed.
    name: str
    arn: str
    #: Its construct, e.g. `agents/{agent}/Agent/Role`.
    kind: str
    #: Its agent; empty where it is none's.
    agent: str
    #: Values of policy variables, e.g. of its tags.
    variables: Mapping[str, str]
    rights: tuple[Right, ...]

    def decide(self, call: Call) -> list[Unit]:
        """The units that allow a call; none when nothing does, or something denies it."""
        found = [
            right
            for right in self.rights
            if right.statement.concerns(call, variables=self.variables, role_arn=self.arn)
        ]
        if any(not right.statement.allows for right in found):
            return []
        return [right.unit for right in found]


def taken_apart(
    kind: str, statement: Statement, symbols: tuple[str, ...], actions: tuple[str, ...]
) -> Iterator[Right]:
    """A right for each action on each resource; `symbols` name the resources, in their order."""
    for action in actions:
        for symbol, resource in zip(symbols, statement.resources, strict=True):
            yield Right(
                unit=Unit(role=kind, action=action, resource=symbol),
                statement=Statement(
                    allows=statement.allows,
                    actions=(action,),
                    resources=(resource,),
                    conditions=statement.conditions,
                    principals=statement.principals,
                ),
            )
