"""AWS Signature Version 4 of requests that differ in time, operation and body only."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote

SERVICE = "sqs"
CONTENT_TYPE = "application/x-amz-json-1.0"

_ALGORITHM = "AWS4-HMAC-SHA256"


class Identity(Protocol):
    """Credentials at one moment: botocore's frozen ones."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where requests go, as they are signed."""

    region: str
    #: Host and, unless it is the scheme's own, port.
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class _Key:
    """A signing key with what it was derived from; it holds for one day."""

    secret: str
    day: str
    key: bytes


class Signer:
    """Signs POST requests. Safe for use by several threads: what it remembers is replaced as a whole.

    Args:
        now: seconds since 1970 by the service's clock.
    """

    def __init__(self, place: Place, *, now: Callable[[], float]) -> None:
        self._place = place
        self._path = quote(place.path, safe="/~")
        self._now = now
        self._key = _Key("", "", b"")
        self._moment = (0, "")

    def head(self, target: str, body: bytes, identity: Identity) -> bytes:
        """Everything that precedes the body on the wire, for an operation's target."""
        stamp = self._stamp()
        day = stamp[:8]
        host, region, token = self._place.host, self._place.region, identity.token
        secured = f"x-amz-security-token:{token}\n" if token else ""
        names = (
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
            if token
            else "content-type;host;x-amz-date;x-amz-target"
        )
        headers = (
            f"content-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{stamp}\n"
            f"{secured}x-amz-target:{target}\n"
        )
        request = f"POST\n{self._path}\n\n{headers}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{day}/{region}/{SERVICE}/aws4_request"
        digest = sha256(request.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        signature = hmac.digest(
            self._signing_key(identity.secret_key, day), text.encode(), "sha256"
        )
        # Headers are told by name in any case, so the signed ones can go out as they were signed.
        return (
            f"POST {self._path} HTTP/1.1\r\n"
            + headers.replace("\n", "\r\n")
            + f"authorization:{_ALGORITHM} Credential={identity.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature.hex()}\r\n"
            f"user-agent:muster\r\naccept-encoding:identity\r\ncontent-length:{len(body)}\r\n\r\n"
        ).encode("latin-1")

    def _stamp(self) -> str:
        second = int(self._now())
        known, text = self._moment
        if known != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
            self._moment = (second, text)
        return text

    def _signing_key(self, secret: str, day: str) -> bytes:
        known = self._key
        if known.day == day and known.secret == secret:
            return known.key
        key = f"AWS4{secret}".encode()
        for part in (day, self._place.region, SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = _Key(secret, day, key)
        return key
