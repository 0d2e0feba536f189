"""The host of a URL: a name in its one canonical spelling, or an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from muster.safe_http.address import Address
from muster.safe_http.international import to_ascii
from muster.safe_http.numeric_host import is_numeric, numeric_address
from muster.safe_http.refusal import Refused, refusal, shown
from muster.safe_http.verdict import Verdict

#: Longest name of the DNS, in characters.
LONGEST_NAME = 253

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class Host:
    """Where to connect, and whom the certificate must name."""

    #: Lower-case ASCII without a trailing dot, or the address in its usual spelling.
    name: str
    #: Set when the host is an address.
    address: Address | None = None

    def __str__(self) -> str:
        return f"[{self.name}]" if isinstance(self.address, IPv6Address) else self.name


def parse_host(text: str) -> Host:
    """Read the host of a URL, brackets included.

    Raises:
        Refused: it is neither a name nor an address.
    """
    if text.startswith("["):
        return _bracketed(text)
    if not text or len(text) > LONGEST_NAME + 1:
        raise _bad(text, "a host has 1 to 253 characters")
    if not text.isascii():
        try:
            text = to_ascii(text)
        except ValueError as exc:
            raise _bad(text, "write it in its ASCII form, xn--…") from exc
    name = text.lower().removesuffix(".")
    if is_numeric(name):
        return _numeric(name)
    if len(name) > LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _bad(text, "labels have 1 to 63 letters, digits, hyphens and underscores")
    return Host(name)


def _bracketed(text: str) -> Host:
    if not text.endswith("]"):
        raise _bad(text, "an IPv6 address is written in brackets")
    inner = text[1:-1]
    if "%" in inner:
        raise refusal(Verdict.ZONE, f"The host {shown(text)} has a zone id. Leave it out.")
    try:
        address = IPv6Address(inner)
    except ValueError as exc:
        raise _bad(text, "brackets hold an IPv6 address") from exc
    return Host(str(address), address)


def _numeric(name: str) -> Host:
    try:
        address: IPv4Address = numeric_address(name)
    except ValueError as exc:
        raise _bad(name, "a host that ends in a number is an IPv4 address") from exc
    return Host(str(address), address)


def _bad(text: str, cure: str) -> Refused:
    return refusal(Verdict.BAD_HOST, f"The host {shown(text)} cannot be used: {cure}.")
