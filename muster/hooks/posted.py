"""A delivery as it was posted, and the proof that its sender holds the hook's secret."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from muster.errors import MusterError

#: How far a signed time may be from ours, to either side.
TOLERANCE = timedelta(minutes=5)

#: Longest signature header, in characters: room for dozens of signatures.
_LONGEST = 4096

_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)


class NotProven(MusterError):
    """Whoever posted it has not shown that they hold the secret. The code says why; callers are not told."""

    code = "not_proven"


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """Headers by lower-case name, and the body, byte by byte as it was sent."""

    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """A header that the proof needs.

        Raises:
            NotProven: it is missing, empty, or longer than any sender makes it.
        """
        value = self.headers.get(name, "")
        if not value:
            raise NotProven("a header is missing", code="header_missing")
        if len(value) > _LONGEST:
            raise NotProven("a header is too long", code="header_too_long")
        return value

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()


def fresh(seconds: str, *, now: datetime) -> None:
    """Check a signed time, in seconds since 1970.

    Raises:
        NotProven: it is no such number, or too far from now.
    """
    if not _SECONDS.fullmatch(seconds):
        raise NotProven("the time is no number of seconds", code="time_malformed")
    if abs(int(seconds) - now.timestamp()) > TOLERANCE.total_seconds():
        raise NotProven("the time is too far from now", code="time_too_far")


def mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 over the parts."""
    return hmac.digest(key, b"".join(parts), "sha256")


def proven(expected: Iterable[bytes], given: Iterable[str]) -> None:
    """Check that one of the given signatures is one of the expected ones, as they are written.

    They are compared as text and not decoded: one signature has one spelling. It takes as long whichever
    differs, and wherever.

    Raises:
        NotProven: none is.
    """
    wanted = list(expected)
    found = False
    for signature in given:
        for one in wanted:
            found |= hmac.compare_digest(one, signature.encode("utf-8", "replace"))
    if not found:
        raise NotProven("no signature holds", code="signature_wrong")
