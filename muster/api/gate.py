"""What every call passes before its route sees it: who calls, whether they may, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.problem import Problem
from muster.keys.access import Principal
from muster.keys.api_key import PREFIX
from muster.keys.recognition import CallsTooOften, NotRecognised, recognise, recognise_token
from muster.store.keys import subject_of

if TYPE_CHECKING:
    from muster.api.request import Request
    from muster.api.route import Route
    from muster.api.services import Services
    from muster.keys.recognition import StoredKey

#: What a call without a valid key is told to do.
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="muster"'}


def admit(request: Request, route: Route, services: Services) -> Principal | None:
    """Who calls; None on an open route.

    Raises:
        Problem: no valid key (401), too many calls (429), or a key that does not allow it (403).
        StoreUnavailable: nobody can tell now.
    """
    if route.scope is None:
        return None
    try:
        principal = _holder(_presented(request), services)
    except NotRecognised as error:
        raise Problem(
            401,
            "unauthorized",
            "send a valid API key or token: Authorization: Bearer mstr_…; `muster keys create` makes a key",
            headers=_CHALLENGE,
        ) from error
    except CallsTooOften as error:
        raise too_often(error.key_id, services) from error
    if not principal.may(route.scope):
        raise Problem(403, "forbidden", f"the key or token does not allow {route.scope}")
    return principal


def remembered(request: Request, route: Route, services: Services) -> StoredKey | None:
    """The key of a call as this process knows it, when that allows the route; nothing is counted.

    It is to be proven by the statement that acts on it.
    """
    key = services.keys.remembered(_presented(request))
    allowed = key is not None and route.scope is not None and key.principal.may(route.scope)
    return key if allowed else None


def too_often(key_id: str, services: Services) -> Problem:
    """What the holder of a key is told whose rate is used up.

    Raises:
        StoreUnavailable: nobody can tell now.
    """
    wait = services.rate.wait(subject_of(key_id))
    return Problem(
        429,
        "too_many_requests",
        f"this key calls too often; try again in {wait} s",
        headers={"Retry-After": str(wait)},
    )


def _holder(presented: str, services: Services) -> Principal:
    if not presented:
        raise NotRecognised
    if presented.startswith(PREFIX):
        return recognise(presented, keys=services.keys)
    return recognise_token(presented, tokens=services.tokens, keys=services.keys)


def _presented(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return request.headers.get("x-api-key", "").strip()
