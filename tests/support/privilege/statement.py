"""Statements of IAM policies, as far as this project's templates need them; all else is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.privilege.call import Call

_KNOWN = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
_ARN_OPERATORS = {"ArnEquals", "ArnLike"}


class Unsupported(Exception):
    """A statement that cannot be judged: teach the evaluator, or write the statement in another way."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement; `principals` is None where the policy is a role's own."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]
    principals: tuple[str, ...] | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Statement:
        """From a policy document.

        Raises:
            Unsupported: it has an element that is not understood here.
        """
        strange = sorted(set(body) - _KNOWN)
        if strange:
            raise Unsupported(f"{', '.join(strange)} in {dict(body)}")
        principals = None
        if "Principal" in body:
            said = body["Principal"]
            principals = ("*",) if said == "*" else tuple(listed(said.get("AWS", ())))
        return cls(
            allows={"Allow": True, "Deny": False}[body["Effect"]],
            actions=tuple(listed(body["Action"])),
            resources=tuple(listed(body["Resource"])),
            conditions=body.get("Condition", {}),
            principals=principals,
        )

    def concerns(self, call: Call, *, variables: Mapping[str, str], role_arn: str) -> bool:
        """Whether it speaks about this call."""
        return (
            self._names(role_arn)
            and any(matches(call.action, action, case=False) for action in self.actions)
            and any(self._about(call, resource, variables) for resource in self.resources)
            and all(_holds(call, operator, asked) for operator, asked in self.conditions.items())
        )

    def _names(self, role_arn: str) -> bool:
        return self.principals is None or bool({"*", role_arn} & set(self.principals))

    @staticmethod
    def _about(call: Call, resource: str, variables: Mapping[str, str]) -> bool:
        return matches(call.resource, filled_in(resource, variables))


def filled_in(resource: str, variables: Mapping[str, str]) -> str:
    """A resource with its policy variables put in."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise Unsupported(f"variable {found[1]} in {resource}")
        return variables[found[1]]

    return re.sub(r"\$\{([^}]+)\}", value, resource)


def matches(value: str, pattern: str, *, case: bool = True) -> bool:
    """IAM's wildcards: `*` is any text, `?` any one character, and nothing else is special."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, value, re.DOTALL | (0 if case else re.IGNORECASE)) is not None


def listed(value: Any) -> list[Any]:
    """One, or many, as a list."""
    return [value] if isinstance(value, str | Mapping) else list(value)


def _holds(call: Call, operator: str, asked: Mapping[str, Any]) -> bool:
    return all(_one_holds(call, operator, key, wanted) for key, wanted in _flat(asked))


def _flat(asked: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key, wanted in asked.items():
        yield key, [str(one) for one in listed(wanted)]


def _one_holds(call: Call, operator: str, key: str, wanted: list[str]) -> bool:
    said = call.context.get(key)
    if said is None:
        raise Unsupported(f"condition key {key}: the call says nothing of it")
    match operator:
        case "Bool":
            return any(said.lower() == one.lower() for one in wanted)
        case "StringEquals":
            return said in wanted
        case "StringLike":
            return any(matches(said, one) for one in wanted)
        case _ if operator in _ARN_OPERATORS:
            return any(matches(said, one) for one in wanted)
        case _:
            raise Unsupported(f"condition operator {operator}")
