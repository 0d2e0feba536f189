"""A route: everything that the gate, the router and the API's document need to know of one operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.problem import invalid, not_found
from muster.api.request import Request
from muster.execution.fit import Check, checker
from muster.keys.access import Principal, Role, Scope, roles_with
from muster.message.body import UNSTORABLE

if TYPE_CHECKING:
    from muster.api.services import Services
    from muster.keys.recognition import StoredKey

JsonSchema = Mapping[str, Any]

_VALUE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call that passed the gate: who calls, and what it says, checked against the route's schemas."""

    request: Request
    #: None on a route that is open.
    principal: Principal | None
    path_values: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def tenant(self) -> str:
        """On whose behalf.

        Raises:
            ValueError: the route is open, so nobody says.
        """
        if self.principal is None:
            raise ValueError("an open route has no tenant")
        return self.principal.tenant


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Route:
    """One method of one path."""

    method: str
    #: Such as `/v1/jobs/{id}`.
    path: str
    name: str
    summary: str
    #: What a caller's key must allow; None opens the route to everybody. It has no default.
    scope: Scope | None
    act: Callable[[Call, Services], Answer]
    #: Gate and act in one round trip, for the holder of a key that this process remembers, on a path without
    #: values. It answers None when it did nothing: then the call goes the ordinary way.
    at_once: Callable[[Call, StoredKey, Services], Answer | None] | None = None
    #: Status to the schema's name in `muster.api.schemas`, of what is no problem.
    answers: Mapping[int, str]
    #: Of these answers.
    media_type: str = "application/json"
    #: Statuses of problems besides those that any route may have.
    problems: tuple[int, ...] = ()
    #: Name of the body's schema; None: it takes none, or a raw one.
    body: str | None = None
    #: Media types of a body that the route reads itself, byte by byte.
    raw: tuple[str, ...] = ()
    #: Callers prove themselves by a signature, which no key replaces; only where `scope` is None.
    signed: bool = False
    query: Mapping[str, JsonSchema] = field(default_factory=dict[str, JsonSchema])
    headers: Mapping[str, JsonSchema] = field(default_factory=dict[str, JsonSchema])

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles that may call it; of an open route all of them, of a signed one none by its key."""
        if self.signed:
            return ()
        return tuple(Role) if self.scope is None else roles_with(self.scope)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values in its path."""
        return tuple(_VALUE.findall(self.path))

    @property
    def pattern(self) -> str:
        """Its path as the router writes it: `/v1/jobs/<id>`."""
        return _VALUE.sub(r"<\1>", self.path)

    def fits(self, path: str) -> bool:
        """Whether a path is this route's, whatever the method."""
        return self.values_of(path) is not None

    def values_of(self, path: str) -> dict[str, str] | None:
        """The values in a path that is this route's, any text between slashes; None when it is not."""
        match = _expression(self.path).fullmatch(path)
        return None if match is None else match.groupdict()

    def read_values(self, values: Mapping[str, str]) -> dict[str, str]:
        """The values of its path, which API Gateway has decoded, but for `%25`.

        Raises:
            Problem: one holds what no id does, so there is no such thing (404).
        """
        if any(UNSTORABLE.search(text) for text in values.values()):
            raise not_found("there is no such thing")
        return {name: text.replace("%25", "%") for name, text in values.items()}

    def read_query(self, request: Request) -> dict[str, Any]:
        """The query's parameters, checked.

        Raises:
            Problem: one is unknown or has another form (422).
        """
        given = request.query()
        if not given:
            return {}
        if unknown := sorted(set(given) - set(self.query)):
            known = ", ".join(sorted(self.query)) or "none"
            raise invalid(f"{len(unknown)} query parameters are not known here; known: {known}")
        read = {name: _typed(self.query[name], text) for name, text in given.items()}
        problem = _query_check(self)(read)
        if problem:
            raise invalid(problem)
        return read

    def read_body(self, request: Request) -> dict[str, Any]:
        """The body, checked; empty where the route takes none.

        Raises:
            Problem: it is no JSON (400, 415), or does not fit (422).
        """
        if self.body is None:
            return {}
        body = request.json()
        problem = _body_check(self)(body)
        if problem:
            raise invalid(problem)
        return body


def _typed(schema: JsonSchema, text: str) -> Any:
    if schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]{1,9}", text):
        return int(text)
    return text


@cache
def _expression(path: str) -> re.Pattern[str]:
    return re.compile(_VALUE.sub(r"(?P<\1>[^/]+)", path))


@cache
def _query_check(route: Route) -> Check:
    schema = {"type": "object", "properties": {k: dict(v) for k, v in route.query.items()}}
    return checker(schema, noun="query", key="what is documented")


@cache
def _body_check(route: Route) -> Check:
    from muster.api.schemas import SCHEMAS

    return checker(SCHEMAS[route.body or ""], noun="body", key="what is documented")
