"""Addresses are judged as the IANA registries say, row by row."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.safe_http import special_ipv4, special_ipv6
from muster.safe_http.address import block_of, blocks, judge
from muster.safe_http.metadata import METADATA
from tests.support.table import rows

ADDRESSES = rows("safe_http/addresses.csv")
REGISTRIES = rows("safe_http/registries.csv")
SPECIAL = special_ipv4.SPECIAL + special_ipv6.SPECIAL


def test_there_are_enough_forms_and_each_has_a_source():
    assert len({row["address"] for row in ADDRESSES}) == len(ADDRESSES) >= 120
    assert all(row["source"] for row in ADDRESSES)


@pytest.mark.parametrize("row", ADDRESSES, ids=lambda row: row["address"])
def test_an_address_is_judged_as_the_registries_say(row: dict[str, str]):
    # Given an address
    address = ip_address(row["address"])
    # When it is judged
    found = judge(address)
    # Then by the most specific block that holds it, clouds' own services before all
    assert (found.verdict.value if found else "") == row["verdict"]
    assert block_of(address).network == ip_network(row["block"])


def test_the_tables_are_the_registries():
    # Given the registries as IANA published them (as of 2026-07-18)
    published = [
        (row["block"], row["name"], row["rfc"], row["globally_reachable"] == "True")
        for row in REGISTRIES
    ]
    # Then the tables hold them row by row; N/A and empty are no
    assert list(SPECIAL) == published


def test_every_row_of_the_registries_decides_some_address_of_the_table():
    decided = {ip_network(row["block"]) for row in ADDRESSES}
    assert {block.network for version in (4, 6) for block in blocks(version)} - decided == set()


def test_every_metadata_address_is_in_the_table():
    judged = {row["address"] for row in ADDRESSES if row["verdict"] == "metadata_address"}
    assert METADATA.keys() <= judged


def test_a_refusal_names_the_block_and_its_source():
    found = judge(ip_address("192.168.1.1"))
    assert found is not None
    assert found.reason == "192.168.1.1 is in 192.168.0.0/16 Private-Use (RFC 1918)"


@settings(deadline=None)
@given(st.ip_addresses(v=6))
def test_ipv6_is_public_only_within_what_iana_assigns(address: IPv6Address):
    if judge(address) is None:
        assigned = address in ip_network("2000::/3")
        translated = address in ip_network("64:ff9b::/96")
        assert assigned or translated


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_nat64_is_judged_like_the_address_that_it_embeds(address: IPv4Address):
    embedding = IPv6Address(int(IPv6Address("64:ff9b::")) | int(address))
    direct, translated = judge(address), judge(embedding)
    assert (direct and direct.verdict) == (translated and translated.verdict)


@settings(deadline=None)
@given(st.ip_addresses())
def test_every_address_is_in_a_block(address: IPv4Address | IPv6Address):
    assert address in block_of(address).network
