"""GitHub and plain HMAC: the body alone is signed, in hex or base64.

An id in a header proves nothing here: whoever recorded one delivery could send it again under another. So
what was signed is the delivery, and the same body again is the same one.
"""

from __future__ import annotations

import base64
import secrets as random
from collections.abc import Mapping, Sequence
from datetime import datetime

from muster.hooks.posted import Posted, mac, proven
from muster.hooks.scheme import SIGNATURE_HEADER, content_id


class Github:
    """`X-Hub-Signature-256: sha256=…`"""

    told = ("x-github-event", "x-github-delivery", "x-github-hook-id")
    _header = "x-hub-signature-256"

    def verify(self, posted: Posted, *, secrets: Sequence[str], now: datetime) -> str:
        """See `Scheme.verify`; there is no time in it."""
        del now
        given = posted.header(self._header)
        proven([self._signature(secret, posted.body) for secret in secrets], [given])
        return content_id(posted)

    def sign(self, body: bytes, *, secret: str, delivery: str, now: datetime) -> Mapping[str, str]:
        """See `Scheme.sign`."""
        del now
        return {
            "x-github-event": "ping",
            "x-github-delivery": delivery,
            self._header: self._signature(secret, body).decode(),
        }

    def new_secret(self) -> str:
        """See `Scheme.new_secret`."""
        return random.token_urlsafe(32)

    def _signature(self, secret: str, body: bytes) -> bytes:
        return b"sha256=" + mac(secret.encode(), body).hex().encode()


class PlainHmac:
    """A header that holds the signature in hex, after `sha256=` or not, or in base64.

    Args:
        header: its name in lower case.
    """

    told = ()

    def __init__(self, header: str = SIGNATURE_HEADER) -> None:
        self._header = header

    def verify(self, posted: Posted, *, secrets: Sequence[str], now: datetime) -> str:
        """See `Scheme.verify`; there is no time in it."""
        del now
        given = posted.header(self._header)
        made = [mac(secret.encode(), posted.body) for secret in secrets]
        hexes = [signature.hex().encode() for signature in made]
        expected = [
            *hexes,
            *(b"sha256=" + signature for signature in hexes),
            *(base64.b64encode(signature) for signature in made),
        ]
        proven(expected, [given])
        return content_id(posted)

    def sign(self, body: bytes, *, secret: str, delivery: str, now: datetime) -> Mapping[str, str]:
        """See `Scheme.sign`; there is no place for the delivery's id."""
        del delivery, now
        return {self._header: mac(secret.encode(), body).hex()}

    def new_secret(self) -> str:
        """See `Scheme.new_secret`."""
        return random.token_urlsafe(32)
