"""IPv4 addresses in every spelling that some reader of URLs accepts: 127.1, 0x7f000001, 017700000001."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def is_numeric(host: str) -> bool:
    """Whether the host's last label is a number, so that it can only be an address.

    This is the "ends in a number checker" of the WHATWG URL Standard.
    """
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def numeric_address(host: str) -> IPv4Address:
    """The address that the WHATWG URL Standard, browsers and `inet_aton` read.

    Raises:
        ValueError: it is none.
    """
    parts = [_value(part) for part in host.split(".")]
    *leading, last = parts
    if len(parts) > 4 or any(part > 255 for part in leading) or last >= 256 ** (5 - len(parts)):
        raise ValueError("out of range")
    total = last
    for place, part in enumerate(leading):
        total += part * 256 ** (3 - place)
    return IPv4Address(total)


def _value(part: str) -> int:
    if not _NUMBER.fullmatch(part):
        raise ValueError("no number")
    if part[:2] in {"0x", "0X"}:
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") else int(part)
