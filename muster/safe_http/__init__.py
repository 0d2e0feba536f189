"""Outbound HTTP for URLs that came from outside: a response or a verdict, never anything else.

See docs/guides/outbound-calls.md.
"""

from muster.safe_http.client import SafeHttp
from muster.safe_http.lookup import Resolver, system_resolver
from muster.safe_http.policy import Policy
from muster.safe_http.refusal import Refused, RefusedForGood, RefusedForNow
from muster.safe_http.request import Request
from muster.safe_http.response import Response
from muster.safe_http.verdict import Verdict

__all__ = [
    "Policy",
    "Refused",
    "RefusedForGood",
    "RefusedForNow",
    "Request",
    "Resolver",
    "Response",
    "SafeHttp",
    "Verdict",
    "system_resolver",
]
