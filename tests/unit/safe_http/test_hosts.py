"""Hosts in every spelling come down to one name or one address."""

from __future__ import annotations

import idna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from muster.safe_http import Refused, Request, SafeHttp
from muster.safe_http.host import parse_host
from muster.safe_http.international import to_ascii
from muster.safe_http.url import parse_url
from tests.support.table import rows

HOSTS = rows("safe_http/hosts.csv")


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: f"{row['source']}: {row['host']}")
def test_a_host_in_any_spelling(row: dict[str, str]):
    # Given a URL of that host
    request = Request(url=f"http://{row['host']}/path")
    # When it is judged without the network
    try:
        SafeHttp().check(request)
    except Refused as refused:
        verdict = refused.verdict.value
    else:
        verdict = ""
    # Then it has the verdict of what it stands for, and what passes has one spelling
    assert verdict == row["verdict"]
    if not verdict:
        assert parse_url(request.url).host.name == row["canonical"]


@pytest.mark.parametrize("length", [253, 254, 255, 5000])
def test_names_are_as_long_as_the_dns_allows(length: int):
    name = ("a" * 49 + ".") * 200
    if length <= 253:
        assert parse_host(name[:length]).name == name[:length]
    else:
        with pytest.raises(Refused):
            parse_host("b" + name[: length - 1])


def test_labels_are_as_long_as_the_dns_allows():
    assert parse_host("a" * 63 + ".test").name == "a" * 63 + ".test"
    with pytest.raises(Refused):
        parse_host("a" * 64 + ".test")
    with pytest.raises(Refused):
        parse_host("ü" * 64 + ".test")


letters = st.text(st.characters(categories=["L", "M", "N", "Pd"]), min_size=1, max_size=12)


@settings(deadline=None)
@given(letters)
def test_an_international_name_is_the_one_that_current_software_makes_of_it(label: str):
    # Given a label that both this and a current implementation of IDNA 2008 with UTS 46 accept
    assume(not label.isascii())
    try:
        ours = to_ascii(label)
    except ValueError:
        return
    try:
        theirs = idna.encode(label, uts46=True).decode()
    except idna.IDNAError:
        return
    # Then they make the same name of it
    assert ours == theirs


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_as_host_is_canonical_or_refused(text: str):
    try:
        host = parse_host(text)
    except Refused:
        return
    # Canonical: read again, it is the same.
    again = f"[{host.name}]" if host.address and host.address.version == 6 else host.name
    assert parse_host(again) == host
    assert host.name.isascii()
