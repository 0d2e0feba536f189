"""TLS as every call uses it: the certificate is verified for the name, and nothing can switch that off."""

from __future__ import annotations

import ssl

from muster.errors import ConfigurationError


def make_context(authorities: str | None) -> ssl.SSLContext:
    """A verifying client context that trusts the system's authorities, or only the given PEM.

    Not `ssl.create_default_context`: that one writes the session keys to a file that the environment
    names.

    Raises:
        ConfigurationError: the PEM holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if authorities is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError) as exc:
        raise ConfigurationError("Policy(authorities=…) holds no certificate in PEM form.") from exc
    return context
