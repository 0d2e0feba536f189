"""Stripe and Slack: time and body are signed, in hex; the id of an event stands in its body."""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping, Sequence
from datetime import datetime

from muster.hooks.posted import NotProven, Posted, fresh, mac, proven
from muster.hooks.scheme import content_id
from muster.message.body import BodyProblem, parse_object
from muster.message.envelope import identifier_problem


class Stripe:
    """`Stripe-Signature: t=…,v1=…`; each try has a time of its own, so the event's `id` is the delivery's."""

    told = ()
    _header = "stripe-signature"

    def verify(self, posted: Posted, *, secrets: Sequence[str], now: datetime) -> str:
        """See `Scheme.verify`."""
        pairs = [part.partition("=")[::2] for part in posted.header(self._header).split(",")]
        times = [value for name, value in pairs if name.strip() == "t"]
        if len(times) != 1:
            raise NotProven("there is not one time", code="time_malformed")
        fresh(times[0], now=now)
        expected = [self._signature(secret, times[0], posted.body) for secret in secrets]
        proven(expected, [value for name, value in pairs if name == "v1"])
        return _named_in_body(posted, "id")

    def sign(self, body: bytes, *, secret: str, delivery: str, now: datetime) -> Mapping[str, str]:
        """See `Scheme.sign`; the delivery's id is the body's `id`, so that one is not said again."""
        del delivery
        seconds = str(int(now.timestamp()))
        return {
            self._header: f"t={seconds},v1={self._signature(secret, seconds, body).decode()}",
        }

    def new_secret(self) -> str:
        """See `Scheme.new_secret`."""
        return random.token_urlsafe(32)

    def _signature(self, secret: str, seconds: str, body: bytes) -> bytes:
        return mac(secret.encode(), seconds.encode(), b".", body).hex().encode()


class Slack:
    """`X-Slack-Signature: v0=…`; an event's `event_id` is the delivery's, a command's id is its body."""

    told = ("x-slack-request-timestamp", "x-slack-retry-num", "x-slack-retry-reason")
    _time, _header = "x-slack-request-timestamp", "x-slack-signature"

    def verify(self, posted: Posted, *, secrets: Sequence[str], now: datetime) -> str:
        """See `Scheme.verify`."""
        seconds, given = posted.header(self._time), posted.header(self._header)
        fresh(seconds, now=now)
        proven([self._signature(secret, seconds, posted.body) for secret in secrets], [given])
        return _named_in_body(posted, "event_id")

    def sign(self, body: bytes, *, secret: str, delivery: str, now: datetime) -> Mapping[str, str]:
        """See `Scheme.sign`; the delivery's id is the body's `event_id`, so that one is not said again."""
        del delivery
        seconds = str(int(now.timestamp()))
        return {
            self._time: seconds,
            self._header: self._signature(secret, seconds, body).decode(),
        }

    def new_secret(self) -> str:
        """See `Scheme.new_secret`."""
        return random.token_hex(32)

    def _signature(self, secret: str, seconds: str, body: bytes) -> bytes:
        signed = mac(secret.encode(), b"v0:", seconds.encode(), b":", body)
        return b"v0=" + signed.hex().encode()


def _named_in_body(posted: Posted, key: str) -> str:
    try:
        named = parse_object(posted.body.decode()).get(key)
    except (UnicodeDecodeError, BodyProblem):
        named = None
    if isinstance(named, str) and identifier_problem(key, named) is None:
        return named
    return content_id(posted)
