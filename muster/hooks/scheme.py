"""What a scheme is: how it checks a delivery, and how it signs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from muster.hooks.posted import Posted

#: Header of the scheme `hmac` that carries the signature, unless the manifest names another.
SIGNATURE_HEADER = "x-signature"


class Scheme(Protocol):
    """One way in which senders prove themselves. Secrets are texts as the sender knows them."""

    @property
    def told(self) -> tuple[str, ...]:
        """Headers, besides those of every scheme, that the job is told of."""
        ...

    def verify(self, posted: Posted, *, secrets: Sequence[str], now: datetime) -> str:
        """The delivery's id: the same for every try of one delivery, and covered by the signature.

        Raises:
            NotProven: it is not signed with one of the secrets, or not now.
            ConfigurationError: a secret is none of this scheme's.
        """
        ...

    def sign(self, body: bytes, *, secret: str, delivery: str, now: datetime) -> Mapping[str, str]:
        """The headers that a sender adds; `delivery` goes where the scheme has a place for it."""
        ...

    def new_secret(self) -> str:
        """A secret that nobody has had yet, of 256 random bits."""
        ...


def content_id(posted: Posted) -> str:
    """The id of a delivery that has none of its own: what was signed is what it is."""
    return f"sha256:{posted.digest.hex()}"
