"""The IPv6 address space as IANA registers it: which blocks are globally reachable."""

from __future__ import annotations

#: Name of the registry that the rows come from.
REGISTRY = "IANA IPv6 Special-Purpose Address Registry"

#: NAT64 by the well-known prefix: the last 32 bits are the IPv4 address that is reached.
WELL_KNOWN_NAT64 = "64:ff9b::/96"

#: Block, name, reference, "Globally Reachable" (N/A counts as no).
#: https://www.iana.org/assignments/iana-ipv6-special-registry
SPECIAL: tuple[tuple[str, str, str, bool], ...] = (
    ("::1/128", "Loopback Address", "RFC 4291", False),
    ("::/128", "Unspecified Address", "RFC 4291", False),
    ("::ffff:0:0/96", "IPv4-mapped Address", "RFC 4291", False),
    (WELL_KNOWN_NAT64, "IPv4-IPv6 Translat.", "RFC 6052", True),
    ("64:ff9b:1::/48", "IPv4-IPv6 Translat.", "RFC 8215", False),
    ("100::/64", "Discard-Only Address Block", "RFC 6666", False),
    ("100:0:0:1::/64", "Dummy IPv6 Prefix", "RFC 9780", False),
    ("2001::/23", "IETF Protocol Assignments", "RFC 2928", False),
    ("2001::/32", "TEREDO", "RFC 4380", False),
    ("2001:1::1/128", "Port Control Protocol Anycast", "RFC 7723", True),
    ("2001:1::2/128", "Traversal Using Relays around NAT Anycast", "RFC 8155", True),
    ("2001:1::3/128", "DNS-SD Service Registration Protocol Anycast", "RFC 9665", True),
    ("2001:2::/48", "Benchmarking", "RFC 5180", False),
    ("2001:3::/32", "AMT", "RFC 7450", True),
    ("2001:4:112::/48", "AS112-v6", "RFC 7535", True),
    ("2001:10::/28", "Deprecated (previously ORCHID)", "RFC 4843", False),
    ("2001:20::/28", "ORCHIDv2", "RFC 7343", True),
    ("2001:30::/28", "Drone Remote ID Protocol Entity Tags (DETs) Prefix", "RFC 9374", True),
    ("2001:db8::/32", "Documentation", "RFC 3849", False),
    ("2002::/16", "6to4", "RFC 3056", False),
    ("2620:4f:8000::/48", "Direct Delegation AS112 Service", "RFC 7534", True),
    ("3fff::/20", "Documentation", "RFC 9637", False),
    ("5f00::/16", "Segment Routing (SRv6) SIDs", "RFC 9602", False),
    ("fc00::/7", "Unique-Local", "RFC 4193", False),
    ("fe80::/10", "Link-Local Unicast", "RFC 4291", False),
)

#: What the registry of special purposes leaves to the address space: only 2000::/3 is unicast that
#: IANA assigns. IPv4-compatible addresses are in the reserved ::/8.
#: https://www.iana.org/assignments/ipv6-address-space
SPACE: tuple[tuple[str, str, str, bool], ...] = (
    ("::/0", "Reserved by IETF", "RFC 4291", False),
    ("::/96", "IPv4-compatible Address (deprecated)", "RFC 4291", False),
    ("2000::/3", "Global Unicast", "RFC 4291", True),
    ("fec0::/10", "Site-Local (deprecated)", "RFC 3879", False),
    ("ff00::/8", "Multicast", "RFC 4291", False),
)
SPACE_REGISTRY = "IANA IPv6 Address Space Registry"
