"""HTTPS to a pinned address, verified for the name."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from muster.errors import PermanentError
from muster.safe_http import Request, Verdict
from tests.support.certificates import Authority
from tests.support.outbound import Names, client, verdict_of
from tests.support.web import HERE, answer, site


def test_https_works_with_a_private_authority_and_a_pinned_resolver(authority: Authority):
    # Given a server whose certificate names it, at an address that only the resolver knows
    seen: list[str | None] = []
    context = authority.serve("site.test")
    context.sni_callback = lambda _sock, name, _context: seen.append(name)
    with site(answer(b"hello"), tls=context) as served:
        # When its name is called
        http = client(served, authorities=authority.pem)
        response = http.fetch(Request(url=f"https://site.test:{served.port}/a?b=c#d"))
    # Then TLS was for the name, the connection to the address, and HTTP for the name again
    assert (response.status, response.body, response.address) == (200, b"hello", HERE)
    assert seen == ["site.test"]
    assert served.received[0].line == "GET /a?b=c HTTP/1.1"
    assert served.received[0].headers["host"] == f"site.test:{served.port}"


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (lambda authority: authority.serve("other.test"), "not valid for 'site.test'"),
        (lambda authority: authority.serve(HERE), "not valid for 'site.test'"),
        (lambda authority: authority.serve("site.test", expired=True), "expired"),
        (lambda authority: authority.serve("*.site.test"), "not valid for 'site.test'"),
    ],
    ids=["another name", "the address instead of the name", "expired", "a subdomain's wildcard"],
)
def test_a_certificate_that_is_not_valid_for_the_name_is_refused(
    authority: Authority, certificate: Callable[[Authority], ssl.SSLContext], reason: str
):
    with site(answer(b"secret"), tls=certificate(authority)) as served:
        http = client(served, authorities=authority.pem)
        with pytest.raises(PermanentError, match=reason) as raised:
            http.fetch(Request(url=f"https://site.test:{served.port}/"))
    # Then nothing was asked of that server
    assert raised.value.code == Verdict.CERTIFICATE_REFUSED
    assert served.received == []


def test_an_unknown_authority_is_refused(authority: Authority):
    # Given a client that trusts the system's authorities
    with site(answer(b"secret"), tls=authority.serve("site.test")) as served:
        verdict = verdict_of(client(served), f"https://site.test:{served.port}/")
    assert verdict == Verdict.CERTIFICATE_REFUSED


def test_an_address_must_be_in_its_certificate(authority: Authority):
    with site(answer(b"hello"), tls=authority.serve(HERE)) as served:
        http = client(served, authorities=authority.pem)
        assert verdict_of(http, f"https://{HERE}:{served.port}/") == "200"
    with site(answer(b"hello"), tls=authority.serve("site.test")) as served:
        http = client(served, authorities=authority.pem)
        verdict = verdict_of(http, f"https://{HERE}:{served.port}/")
    assert verdict == Verdict.CERTIFICATE_REFUSED


def test_the_certificate_is_for_the_international_name(authority: Authority):
    names = Names(**{"xn--mnchen-3ya": [HERE]})
    with site(answer(b"hello"), tls=authority.serve("xn--mnchen-3ya.test")) as served:
        http = client(served, authorities=authority.pem, names=names)
        response = http.fetch(Request(url=f"https://MÜNCHEN.test.:{served.port}/"))
    assert response.url == f"https://xn--mnchen-3ya.test:{served.port}/"
    assert names.asked == ["xn--mnchen-3ya.test"]


def test_a_server_without_tls_is_told_from_one_with_a_bad_certificate(authority: Authority):
    with site(answer(b"hello")) as served:
        http = client(served, authorities=authority.pem)
        verdict = verdict_of(http, f"https://site.test:{served.port}/")
    assert verdict == Verdict.TLS_FAILED


def test_session_keys_are_not_written_where_the_environment_says(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with site(answer(b"hello"), tls=authority.serve("site.test")) as served:
        http = client(served, authorities=authority.pem)
        assert verdict_of(http, f"https://site.test:{served.port}/") == "200"
    assert list(tmp_path.iterdir()) == []
