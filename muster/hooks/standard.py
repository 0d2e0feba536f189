"""Standard Webhooks (standardwebhooks.com): id, time and body are signed, in base64."""

from __future__ import annotations

import base64
import binascii
import secrets as random
from collections.abc import Mapping, Sequence
from datetime import datetime

from muster.errors import ConfigurationError
from muster.hooks.posted import NotProven, Posted, fresh, mac, proven
from muster.message.envelope import identifier_problem

_PREFIX = "whsec_"
_VERSION = "v1,"
_ID, _TIME, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


class StandardWebhooks:
    """Symmetric signatures (`v1`); signatures of other versions are passed over."""

    told = (_ID, _TIME)

    def verify(self, posted: Posted, *, secrets: Sequence[str], now: datetime) -> str:
        """See `Scheme.verify`."""
        delivery, seconds = posted.header(_ID), posted.header(_TIME)
        given = posted.header(_SIGNATURE).split(" ")
        fresh(seconds, now=now)
        expected = [_signature(secret, delivery, seconds, posted.body) for secret in secrets]
        proven(expected, [s.removeprefix(_VERSION) for s in given if s.startswith(_VERSION)])
        if identifier_problem(_ID, delivery):
            raise NotProven("the id cannot be stored", code="id_malformed")
        return delivery

    def sign(self, body: bytes, *, secret: str, delivery: str, now: datetime) -> Mapping[str, str]:
        """See `Scheme.sign`."""
        seconds = str(int(now.timestamp()))
        signature = _signature(secret, delivery, seconds, body).decode()
        return {_ID: delivery, _TIME: seconds, _SIGNATURE: _VERSION + signature}

    def new_secret(self) -> str:
        """See `Scheme.new_secret`."""
        return _PREFIX + base64.b64encode(random.token_bytes(32)).decode()


def _signature(secret: str, delivery: str, seconds: str, body: bytes) -> bytes:
    named = delivery.encode("utf-8", "replace")
    return base64.b64encode(mac(_key(secret), named, b".", seconds.encode(), b".", body))


def _key(secret: str) -> bytes:
    try:
        text = secret.removeprefix(_PREFIX).rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        # Without the cause: it might quote the secret.
        raise ConfigurationError(
            "A secret of Standard Webhooks is whsec_ and base64; give the hook another one: "
            "muster webhooks rotate"
        ) from None
