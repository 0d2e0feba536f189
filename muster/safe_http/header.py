"""Which headers a caller may send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from muster.safe_http.refusal import Refused, refusal, shown
from muster.safe_http.verdict import Verdict

Headers = tuple[tuple[str, str], ...]

MOST_HEADERS = 64
#: Of names and values together, in bytes.
MOST_HEADER_BYTES = 16 * 1024

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?|")

#: What the client says itself, and what concerns only the next hop (RFC 9110, section 7.6.1).
OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

#: What metadata services ask for, so that a plain forged request does not reach them.
UNLOCKING = ("metadata", "metadata-flavor", "x-aws-ec2-", "x-google-metadata-", "x-metadata-token")

#: What may follow a redirect to another origin: everything else may be a credential.
HARMLESS = frozenset(
    {
        "accept",
        "accept-language",
        "cache-control",
        "content-language",
        "content-type",
        "if-modified-since",
        "if-none-match",
        "pragma",
        "user-agent",
    }
)


def check_headers(headers: object) -> Headers:
    """The headers as pairs.

    Raises:
        Refused: one of them is malformed or not the caller's to set, or they are too many.
    """
    if not isinstance(headers, Mapping):
        raise _refused("they are no mapping of names to values")
    given = cast("Mapping[object, object]", headers)
    if len(given) > MOST_HEADERS:
        raise _refused(f"{len(given)} headers are too many, {MOST_HEADERS} may be sent")
    pairs = tuple(_checked(name, value) for name, value in given.items())
    if len({name.lower() for name, _ in pairs}) < len(pairs):
        raise _refused("a header is given twice")
    if sum(len(name) + len(value) for name, value in pairs) > MOST_HEADER_BYTES:
        raise _refused(f"the headers have more than {MOST_HEADER_BYTES} bytes")
    return pairs


def harmless(headers: Headers) -> Headers:
    """Those that may be sent to another origin than they were meant for."""
    return tuple((name, value) for name, value in headers if name.lower() in HARMLESS)


def _checked(name: object, value: object) -> tuple[str, str]:
    # Values are never quoted in messages: they may be credentials.
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(f"{shown(name)} is no header name")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise _refused(f"the value of {name} is not printable ASCII on one line")
    if name.lower() in OURS:
        raise _refused(f"{name} is set by the client itself")
    if name.lower().startswith(UNLOCKING):
        raise _refused(f"{name} unlocks metadata services")
    return name, value


def _refused(why: str) -> Refused:
    return refusal(Verdict.HEADER_REFUSED, f"The headers cannot be sent: {why}.")
