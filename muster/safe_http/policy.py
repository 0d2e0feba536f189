"""What an outbound call may do, and how much it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from muster.errors import ConfigurationError

#: No call takes longer, whatever the policy.
LONGEST_CALL = timedelta(seconds=30)

#: Ports of web servers, as far as strangers' URLs are concerned.
WEB_PORTS = frozenset({80, 443, 8080, 8443})

#: Methods that a policy may name. CONNECT and TRACE are not for callers.
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: More redirects than these are never followed.
MOST_REDIRECTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Limits of a client. The defaults are for URLs that strangers give.

    Raises:
        ConfigurationError: a value is out of range.
    """

    #: Wall clock from `fetch` to its end: lookups, redirects, headers and body together; at most 30 s.
    timeout: timedelta = LONGEST_CALL
    #: Longest body of an answer, in bytes, as sent and again as decompressed.
    max_bytes: int = 10 * 1024 * 1024
    #: Longest body of a request, in bytes.
    max_request_bytes: int = 1024 * 1024
    #: Redirects that are followed, each judged like a first URL; 0 refuses them all.
    max_redirects: int = MOST_REDIRECTS
    ports: frozenset[int] = WEB_PORTS
    methods: frozenset[str] = frozenset({"GET", "HEAD", "POST"})
    #: Sent unless the request names another.
    user_agent: str = "muster"
    #: Addresses, networks and exact host names that are called although the registries say no: for
    #: servers of tests and demos. Ports are not exempt.
    allowed: tuple[str, ...] = ()
    #: Whether nothing but `allowed` is called. No other name is even looked up.
    only_allowed: bool = False
    #: PEM text of the only certificate authorities to trust; None trusts the system's.
    authorities: str | None = None

    def __post_init__(self) -> None:
        _require(timedelta(0) < self.timeout <= LONGEST_CALL, "timeout", "above 0 s, at most 30 s")
        _require(self.max_bytes > 0, "max_bytes", "1 or more")
        _require(self.max_request_bytes >= 0, "max_request_bytes", "0 or more")
        _require(0 <= self.max_redirects <= MOST_REDIRECTS, "max_redirects", "0 to 3")
        _require(all(1 <= port <= 65535 for port in self.ports), "ports", "1 to 65535")
        _require(
            self.methods <= KNOWN_METHODS, "methods", f"some of {', '.join(sorted(KNOWN_METHODS))}"
        )


def _require(fits: bool, name: str, range_: str) -> None:
    if not fits:
        raise ConfigurationError(f"Policy({name}=…) is out of range: it must be {range_}.")
