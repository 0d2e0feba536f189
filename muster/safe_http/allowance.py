"""Exceptions from the registries that code makes on purpose: a test's or a demo's own loopback server."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from muster.errors import ConfigurationError
from muster.safe_http.address import Address, Finding, Network, is_metadata, judge
from muster.safe_http.host import parse_host
from muster.safe_http.refusal import Refused
from muster.safe_http.verdict import Verdict

_OFF = Finding(
    verdict=Verdict.EXTERNAL_REQUESTS_OFF, reason="external requests are off in this stage"
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Networks and names that may be called although their addresses are special."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    #: Whether nothing else may be called.
    only: bool = False

    @classmethod
    def of(cls, entries: tuple[str, ...], *, only: bool = False) -> Allowance:
        """Read addresses (`127.0.0.1`), networks (`10.2.0.0/16`) and exact names (`feeds.test`).

        Raises:
            ConfigurationError: an entry is none of these, or a network is the whole address space.
        """
        networks: list[Network] = []
        names: set[str] = set()
        for entry in entries:
            network = _network(entry)
            if network is None:
                names.add(_name(entry))
            elif network.prefixlen == 0:
                raise ConfigurationError(
                    f"allowed={entry!r} is every address. Name the networks that are meant."
                )
            else:
                networks.append(network)
        return cls(networks=tuple(networks), names=frozenset(names), only=only)

    def judge(self, name: str, address: Address) -> Finding | None:
        """None if the address may be called for that name.

        A metadata address is only let through by an entry of exactly that address.
        """
        found = judge(address)
        if found is None:
            return _OFF if self.only and not self._lists(name, address) else None
        if is_metadata(address):
            exact = any(
                network.network_address == address and network.num_addresses == 1
                for network in self.networks
            )
            return None if exact else found
        return None if self._lists(name, address) else found

    def judge_name(self, name: str) -> Finding | None:
        """None if the name may be looked up."""
        return _OFF if self.only and name not in self.names else None

    def _lists(self, name: str, address: Address) -> bool:
        return name in self.names or any(address in network for network in self.networks)


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _name(entry: str) -> str:
    try:
        host = parse_host(entry)
    except Refused as exc:
        raise ConfigurationError(
            f"allowed={entry!r} is no address, network or host name. Networks have no bits set "
            "beyond their prefix."
        ) from exc
    if host.address is not None:
        raise ConfigurationError(f"allowed={entry!r}: write the address as {host.name}.")
    return host.name
