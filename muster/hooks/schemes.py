"""The schemes by the names that manifests call them."""

from __future__ import annotations

from muster.hooks.body_alone import Github, PlainHmac
from muster.hooks.scheme import SIGNATURE_HEADER, Scheme
from muster.hooks.standard import StandardWebhooks
from muster.hooks.timed import Slack, Stripe


def scheme(name: str, *, signature_header: str | None = None) -> Scheme:
    """The scheme that a hook is verified by.

    Args:
        signature_header: where `hmac` finds the signature; None: where it does by itself.

    Raises:
        KeyError: there is none of that name; manifests and the table know the same ones.
    """
    schemes: dict[str, Scheme] = {
        "standard-webhooks": StandardWebhooks(),
        "github": Github(),
        "stripe": Stripe(),
        "slack": Slack(),
        "hmac": PlainHmac(signature_header or SIGNATURE_HEADER),
    }
    return schemes[name]
