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
        wait = services.rate.wait(subject_of(error.key_id))
        raise Problem(
            429,
            "too_many_requests",
            f"this key calls too often; try again in {wait} s",
            headers={"Retry-After": str(wait)},
        ) from error
    if not principal.may(route.scope):
        raise Problem(403, "forbidden", f"the key or token does not allow {route.scope}")
    return principal


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
