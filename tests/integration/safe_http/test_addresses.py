"""The connection goes to the address that was judged, whatever the name says later."""

from __future__ import annotations

import socket

import pytest

from muster.safe_http import Request, SafeHttp, Verdict
from tests.support.kept_port import kept_port
from tests.support.outbound import Names, client, verdict_of
from tests.support.web import ELSEWHERE, HERE, answer, site


class Rebinding:
    """A name whose answer changes after the first lookup."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, name: str, port: int) -> list[str]:
        self.asked += 1
        return [self._answers.pop(0)]


def test_rebinding_between_check_and_connect_does_not_work():
    # Given a name that leads to an allowed server first, and to an internal one ever after
    names = Rebinding(HERE, ELSEWHERE)
    with (
        site(answer(b"public")) as public,
        site(answer(b"internal"), address=ELSEWHERE, port=public.port) as internal,
    ):
        http = SafeHttp(client(public)._policy, resolver=names)
        # When it is called
        url = f"http://rebinding.test:{public.port}/"
        response = http.fetch(Request(url=url))
        # Then it was looked up once, and the connection went to what was checked
        assert (response.body, response.address, names.asked) == (b"public", HERE, 1)
        assert internal.accepted == []
        # When it is called again, then the new answer is judged anew
        assert verdict_of(http, url) == Verdict.SPECIAL_ADDRESS
        assert internal.accepted == []


def test_rebinding_to_metadata_between_redirects_does_not_work():
    # Given a server that redirects to itself while its name moves to the metadata service
    names = Rebinding(HERE, "169.254.169.254")
    with site(answer(status="302 Found", headers=("Location: /latest/meta-data/",))) as served:
        http = SafeHttp(client(served)._policy, resolver=names)
        verdict = verdict_of(http, f"http://rebinding.test:{served.port}/")
    # Then the second hop is judged by its own lookup
    assert (verdict, names.asked, len(served.received)) == (Verdict.METADATA_ADDRESS, 2, 1)


def test_nothing_is_looked_up_behind_the_resolvers_back(monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a second lookup")

    with site(answer(b"hello")) as served:
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
            monkeypatch.setattr(socket, name, forbidden)
        verdict = verdict_of(client(served), f"http://site.test:{served.port}/")
        monkeypatch.undo()
    assert verdict == "200"


@pytest.mark.parametrize(
    ("addresses", "verdict"),
    [
        ([HERE, "10.0.0.1"], Verdict.SPECIAL_ADDRESS),
        ([HERE, "169.254.169.254"], Verdict.METADATA_ADDRESS),
        ([HERE, "::1"], Verdict.SPECIAL_ADDRESS),
        ([HERE, "::ffff:127.0.0.1"], Verdict.SPECIAL_ADDRESS),
        ([HERE, "64:ff9b::a9fe:a9fe"], Verdict.METADATA_ADDRESS),
        ([HERE, "fe80::1%lo"], Verdict.ZONE),
        ([HERE, "no address"], Verdict.DNS_FAILED),
        ([], Verdict.DNS_FAILED),
    ],
)
def test_every_address_of_a_name_is_judged_before_one_is_called(
    addresses: list[str], verdict: Verdict
):
    with site(answer(b"hello")) as served:
        http = client(served, names=Names(site=addresses))
        assert verdict_of(http, f"http://site.test:{served.port}/") == verdict
        assert served.accepted == []


def test_an_unknown_name_is_worth_another_attempt():
    assert verdict_of(client(), "http://unknown.test/") == Verdict.DNS_FAILED
    assert Verdict.DNS_FAILED.passing


def test_the_next_address_is_tried_when_one_does_not_answer():
    # Given a name with two addresses, and a server on the second
    with kept_port() as port, site(answer(b"hello"), address=ELSEWHERE, port=port) as served:
        http = client(served, names=Names(site=[HERE, ELSEWHERE]), allowed=("127.0.0.0/8",))
        response = http.fetch(Request(url=f"http://site.test:{served.port}/"))
    assert response.address == ELSEWHERE


def test_no_address_answers():
    with kept_port() as port:
        http = client(ports=frozenset({port}))
        assert verdict_of(http, f"http://site.test:{port}/") == Verdict.CONNECT_FAILED


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://127.1:{}/", "http://0x7f.1:{}/"])
def test_loopback_is_refused_by_default(url: str):
    with site(answer(b"secret")) as served:
        http = client(served, allowed=())
        assert verdict_of(http, url.format(served.port)) == Verdict.SPECIAL_ADDRESS
        named = client(served, allowed=(), names=Names(site=[HERE]))
        assert verdict_of(named, f"http://site.test:{served.port}/") == Verdict.SPECIAL_ADDRESS
    assert served.accepted == []


def test_localhost_is_what_the_system_says_and_refused():
    assert verdict_of(SafeHttp(), "http://localhost/") == Verdict.SPECIAL_ADDRESS


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch):
    # Given a proxy in every variable that names one
    with site(answer(b"by proxy"), address=ELSEWHERE) as proxy, site(answer(b"direct")) as served:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{ELSEWHERE}:{proxy.port}")
        response = client(served).fetch(Request(url=f"http://site.test:{served.port}/"))
    assert response.body == b"direct"
    assert proxy.accepted == []


def test_ipv6_works_too():
    with site(answer(b"six"), address="::1") as served:
        http = client(served, allowed=("::1",))
        response = http.fetch(Request(url=f"http://[0:0::1]:{served.port}/"))
    assert (response.body, response.address) == (b"six", "::1")
    assert served.received[0].headers["host"] == f"[::1]:{served.port}"
