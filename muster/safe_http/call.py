"""A request that was judged: one hop of a fetch."""

from __future__ import annotations

from dataclasses import dataclass

from muster.safe_http.header import Headers, check_headers
from muster.safe_http.policy import Policy
from muster.safe_http.refusal import refusal, shown
from muster.safe_http.request import Request
from muster.safe_http.url import Url, parse_url
from muster.safe_http.verdict import Verdict

#: Methods whose requests have no body.
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What is sent, to where; only the addresses are still to be judged."""

    url: Url
    method: str
    headers: Headers
    body: bytes | None


def prepare(request: Request, policy: Policy) -> Call:
    """Judge everything that needs no network.

    Raises:
        Refused: with the first problem, the URL's before the others'.
    """
    url = permitted(parse_url(request.url), policy)
    _check_method(request.method, policy)
    _check_body(request.body, request.method, policy)
    return Call(
        url=url,
        method=request.method,
        headers=check_headers(request.headers),
        body=request.body,
    )


def permitted(url: Url, policy: Policy) -> Url:
    """The URL, if its port is the policy's.

    Raises:
        Refused: it is not.
    """
    if url.port not in policy.ports:
        known = ", ".join(str(port) for port in sorted(policy.ports))
        raise refusal(
            Verdict.PORT_REFUSED,
            f"Port {url.port} of {url.host} is not called. Use one of {known}.",
        )
    return url


def time_limit(wanted: object, policy: Policy) -> float:
    """Seconds that a call may take.

    Raises:
        Refused: what is wanted is no positive number.
    """
    most = policy.timeout.total_seconds()
    if wanted is None:
        return most
    if isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted > 0:
        return float(min(wanted, most))
    raise refusal(
        Verdict.BAD_TIMEOUT, f"The timeout {shown(wanted)} is no positive number of seconds."
    )


def _check_method(method: object, policy: Policy) -> None:
    if not isinstance(method, str) or method not in policy.methods:
        known = ", ".join(sorted(policy.methods))
        raise refusal(
            Verdict.METHOD_REFUSED, f"The method {shown(method)} is not sent. Use one of {known}."
        )


def _check_body(body: object, method: str, policy: Policy) -> None:
    if body is None:
        return
    if not isinstance(body, bytes):
        raise refusal(Verdict.BODY_REFUSED, "The body is not bytes. Encode it.")
    if method in _BODILESS:
        raise refusal(Verdict.BODY_REFUSED, f"{method} takes no body. Use another method.")
    if len(body) > policy.max_request_bytes:
        raise refusal(
            Verdict.BODY_REFUSED, f"The body is larger than {policy.max_request_bytes} bytes."
        )
