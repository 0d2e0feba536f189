"""Which addresses may be called: those that the IANA registries call globally reachable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from muster.safe_http import special_ipv4, special_ipv6
from muster.safe_http.metadata import METADATA
from muster.safe_http.verdict import Verdict

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4_BITS = 0xFFFF_FFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A row of a registry."""

    network: Network
    name: str
    reference: str
    reachable: bool
    registry: str

    def __str__(self) -> str:
        return f"{self.network} {self.name} ({self.reference})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Why an address may not be called."""

    verdict: Verdict
    reason: str


def judge(address: Address) -> Finding | None:
    """None for an address that may be called.

    The interpreter's own `is_private` and `is_global` are not asked: their answers change with its
    patch level, and some are wrong.
    """
    cloud = _metadata().get(address)
    if cloud is not None:
        return Finding(verdict=Verdict.METADATA_ADDRESS, reason=f"{address} is {cloud}")
    block = block_of(address)
    if not block.reachable:
        return Finding(verdict=Verdict.SPECIAL_ADDRESS, reason=f"{address} is in {block}")
    embedded = _behind_nat64(address)
    if embedded is None:
        return None
    found = judge(embedded)
    return found and Finding(
        verdict=found.verdict, reason=f"{address} is NAT64, and {found.reason}"
    )


def block_of(address: Address) -> Block:
    """The most specific row that holds the address; every address is in one."""
    return next(block for block in blocks(address.version) if address in block.network)


@cache
def blocks(version: int) -> tuple[Block, ...]:
    """All rows for IPv4 or IPv6, most specific first."""
    source = special_ipv4 if version == 4 else special_ipv6
    rows = [(row, source.REGISTRY) for row in source.SPECIAL]
    rows += [(row, source.SPACE_REGISTRY) for row in source.SPACE]
    found = [
        Block(
            network=ip_network(network),
            name=name,
            reference=reference,
            reachable=reachable,
            registry=registry,
        )
        for (network, name, reference, reachable), registry in rows
    ]
    return tuple(sorted(found, key=lambda block: -block.network.prefixlen))


def is_metadata(address: Address) -> bool:
    """Whether a cloud serves its own machines there."""
    return address in _metadata()


def _behind_nat64(address: Address) -> IPv4Address | None:
    if address.version == 6 and address in ip_network(special_ipv6.WELL_KNOWN_NAT64):
        return IPv4Address(int(address) & _IPV4_BITS)
    return None


@cache
def _metadata() -> dict[Address, str]:
    return {ip_address(text): name for text, name in METADATA.items()}
