"""`POST /v1/tokens`: a key is exchanged for a token that lives for minutes and allows no more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.problem import Problem
from muster.api.route import Route
from muster.keys.access import GRANTS, Scope

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services

#: Bounds of a token's life, and its life unless the caller says otherwise, in seconds.
SHORTEST = 60
LONGEST = 3600
USUAL = 900

#: What a token never allows: it would prolong itself, or stand for an execution that nobody claimed.
_NEVER = {Scope.TOKENS_ISSUE, Scope.EXECUTION_REPORT}


def issue(call: Call, services: Services) -> Answer:
    """A token for some of what the key allows, or for all of it."""
    holder = call.principal
    if holder is None:
        raise ValueError("issuing is no open route")
    allowed = {scope for scope in GRANTS[holder.role] - _NEVER if holder.may(scope)}
    wanted = {Scope(scope) for scope in call.body.get("scopes", allowed)}
    if wanted - allowed:
        raise Problem(
            403,
            "forbidden",
            "the key does not allow all of these scopes; a token never allows more than its key",
        )
    text, ends = services.tokens.access(
        key_id=holder.key_id,
        scopes=frozenset(wanted),
        lifetime=timedelta(seconds=call.body.get("lifetime_seconds", USUAL)),
    )
    return Answer(
        value={
            "token": text,
            "token_type": "Bearer",
            "expires_at": ends.isoformat(),
            "scopes": sorted(wanted),
        }
    )


def grantable() -> list[str]:
    """Scopes that a token may have."""
    return sorted(set(Scope) - _NEVER)


TOKENS = (
    Route(
        method="POST",
        path="/v1/tokens",
        name="issueToken",
        summary="Exchange an API key for a short-lived token that allows no more than the key.",
        scope=Scope.TOKENS_ISSUE,
        act=issue,
        body="TokenRequest",
        answers={200: "Token"},
        problems=(400, 413, 415, 422),
    ),
)
