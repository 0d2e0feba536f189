"""Whom a stage lets its agents call."""

from __future__ import annotations

import json
from dataclasses import dataclass

#: Ports on loopback at which agents of the local stage find servers of demos and tests.
LOCAL_SERVER_PORTS = tuple(range(18480, 18500))

#: Ports of web servers, as `muster.safe_http` calls them at strangers' URLs.
_WEB_PORTS = (80, 443, 8080, 8443)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundSettings:
    """Whom agents with `egress = "internet"` may call at URLs that came from outside."""

    #: What the registries of addresses let anyone call; `-c allow_external_requests=yes` sets it.
    external: bool = False
    #: Addresses, networks and exact names that are called in any case, such as a test server's.
    addresses: tuple[str, ...] = ()
    #: Ports besides those of web servers.
    ports: tuple[int, ...] = ()

    @property
    def egress(self) -> str:
        """What Muster's own components need of the network to call whom the stage lets be called."""
        return "internet" if self.external or self.addresses else "none"

    def open_ports(self) -> tuple[int, ...]:
        """Ports of the internet that functions reach: 443, and for strangers those of all web servers."""
        web = _WEB_PORTS if self.external else ()
        return tuple(sorted({443, *web, *self.ports}))

    def exceptions(self) -> str:
        """The JSON that agents are told."""
        return json.dumps({"addresses": self.addresses, "ports": self.ports})
