"""Redirects are followed at most three times, each judged like a first URL."""

from __future__ import annotations

import pytest

from muster.safe_http import Request, Verdict
from tests.support.certificates import Authority
from tests.support.outbound import Names, client, verdict_of
from tests.support.web import ELSEWHERE, HERE, Conversation, Script, answer, by_path, redirect, site

STATUSES = (
    "300 Multiple Choices",
    "301 Moved",
    "302 Found",
    "303 See Other",
    "307 Temporary",
    "308 Permanent",
)


@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_is_followed(status: str):
    with site(by_path(old=redirect("/new?a=b", status=status), new=answer(b"here"))) as served:
        start = f"http://site.test:{served.port}/old"
        response = client(served).fetch(Request(url=start))
    assert (response.status, response.body) == (200, b"here")
    assert response.url == f"http://site.test:{served.port}/new?a=b"
    assert response.redirects == (start,)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("location", "verdict"),
    [
        ("http://127.0.0.2:{port}/", Verdict.SPECIAL_ADDRESS),
        ("http://localhost:{port}/", Verdict.SPECIAL_ADDRESS),
        ("http://169.254.169.254/latest/meta-data/", Verdict.METADATA_ADDRESS),
        ("http://[fd00:ec2::254]/latest/meta-data/", Verdict.METADATA_ADDRESS),
        ("//2852039166/", Verdict.METADATA_ADDRESS),
        ("http://internal.test/", Verdict.SPECIAL_ADDRESS),
        ("file:///etc/passwd", Verdict.BAD_SCHEME),
        ("gopher://site.test/", Verdict.BAD_SCHEME),
        ("http://site.test:22/", Verdict.PORT_REFUSED),
        ("http://site.test:99999/", Verdict.BAD_PORT),
        ("http://user@site.test/", Verdict.USERINFO),
        ("http://[::1/", Verdict.BAD_HOST),
        ("//[::1/", Verdict.BAD_REDIRECT),
        ("", Verdict.BAD_REDIRECT),
        ("http://", Verdict.BAD_HOST),
        ("/\x01", Verdict.BAD_REDIRECT),
        ("\\\\internal.test\\", Verdict.BAD_REDIRECT),
    ],
)
def test_a_redirect_to_what_is_not_called_is_refused(status: str, location: str, verdict: Verdict):
    names = Names(site=[HERE], localhost=[ELSEWHERE], internal=["10.0.0.1"])
    script = redirect(location, status=status)
    with site(script) as served, site(answer(), address=ELSEWHERE, port=served.port) as internal:
        script = redirect(location.format(port=served.port), status=status)
        with site(script) as start:
            http = client(served, start, names=names)
            assert verdict_of(http, f"http://site.test:{start.port}/") == verdict
        assert internal.accepted == []


def test_a_loop_ends_after_three_redirects():
    with site(redirect("/again")) as served:
        verdict = verdict_of(client(served), f"http://site.test:{served.port}/")
    assert verdict == Verdict.TOO_MANY_REDIRECTS
    assert len(served.received) == 4


@pytest.mark.parametrize("most", [1, 2, 3])
def test_as_many_redirects_as_the_policy_says(most: int):
    chain: dict[str, Script] = {f"hop{n}": redirect(f"/hop{n + 1}") for n in range(most)}
    with site(by_path(**chain, **{f"hop{most}": answer(b"end")})) as served:
        url = f"http://site.test:{served.port}/hop0"
        assert verdict_of(client(served, max_redirects=most), url) == "200"
        verdict = verdict_of(client(served, max_redirects=most - 1), url)
    assert verdict == (Verdict.TOO_MANY_REDIRECTS if most > 1 else Verdict.REDIRECT_REFUSED)


@pytest.mark.parametrize("status", STATUSES)
def test_without_a_location_it_is_a_response(status: str):
    with site(answer(b"choose", status=status)) as served:
        response = client(served).fetch(Request(url=f"http://site.test:{served.port}/"))
    assert (str(response.status), response.body) == (status[:3], b"choose")


@pytest.mark.parametrize("status", ["201 Created", "304 Not Modified", "305 Use Proxy"])
def test_other_statuses_with_a_location_are_responses(status: str):
    script = answer(status=status, headers=("Location: http://169.254.169.254/",))
    with site(script) as served:
        assert verdict_of(client(served), f"http://site.test:{served.port}/") == status[:3]


def test_credentials_stay_with_their_origin():
    # Given a redirect to another port of the same host, and one back
    def away(conversation: Conversation) -> None:
        redirect(f"http://site.test:{second.port}/b")(conversation)

    with (
        site(by_path(a=away, c=answer(b"end"))) as first,
        site(redirect(f"http://site.test:{first.port}/c")) as second,
    ):
        headers = {
            "Authorization": "Bearer x",
            "Cookie": "a=b",
            "X-Api-Key": "k",
            "Accept": "a/b",
        }
        url = f"http://site.test:{first.port}/a"
        client(first, second).fetch(Request(url=url, headers=headers))
    # Then the first gets them once, and neither the other nor the way back does
    assert first.received[0].headers.items() >= {n.lower(): v for n, v in headers.items()}.items()
    for received in (second.received[0], first.received[1]):
        assert received.headers["accept"] == "a/b"
        assert not {"authorization", "cookie", "x-api-key"} & received.headers.keys()


def test_credentials_go_along_within_their_origin():
    with site(by_path(a=redirect("/b"), b=answer(b"end"))) as served:
        request = Request(url=f"http://site.test:{served.port}/a", headers={"Authorization": "x"})
        client(served).fetch(request)
    assert [received.headers["authorization"] for received in served.received] == ["x", "x"]


def test_a_redirect_from_https_to_http_is_refused(authority: Authority):
    with site(answer(b"plain")) as plain:
        script = redirect(f"http://site.test:{plain.port}/")
        with site(script, tls=authority.serve("site.test")) as secure:
            http = client(plain, secure, authorities=authority.pem)
            verdict = verdict_of(http, f"https://site.test:{secure.port}/")
    assert verdict == Verdict.DOWNGRADE_REFUSED
    assert plain.accepted == []


@pytest.mark.parametrize(
    ("status", "method", "sent"),
    [
        ("301", "POST", ("GET", b"")),
        ("302", "POST", ("GET", b"")),
        ("303", "POST", ("GET", b"")),
        ("303", "PUT", ("GET", b"")),
        ("302", "PUT", ("PUT", b"data")),
        ("307", "POST", ("POST", b"data")),
        ("308", "POST", ("POST", b"data")),
    ],
)
def test_method_and_body_change_as_in_browsers(status: str, method: str, sent: tuple[str, bytes]):
    with site(by_path(a=redirect("/b", status=f"{status} Go"), b=answer())) as served:
        http = client(served, methods=frozenset({"POST", "PUT"}))
        request = Request(
            url=f"http://site.test:{served.port}/a",
            method=method,
            body=b"data",
            headers={"Content-Type": "text/plain"},
        )
        http.fetch(request)
    second = served.received[1]
    assert (second.line.split()[0], second.body) == sent
    assert ("content-type" in second.headers) is bool(sent[1])


def test_a_location_beyond_ascii_is_encoded():
    location = "/grüße mit leer".encode().decode("iso-8859-1")
    with site(
        by_path(a=redirect(location), **{"gr%C3%BC%C3%9Fe%20mit%20leer": answer()})
    ) as served:
        assert verdict_of(client(served), f"http://site.test:{served.port}/a") == "200"


def test_the_body_of_a_redirect_is_not_read():
    head = "Location: /b"
    with site(
        by_path(a=answer(b"x" * 2000, status="302 Go", headers=(head,)), b=answer())
    ) as served:
        http = client(served, max_bytes=1000)
        assert verdict_of(http, f"http://site.test:{served.port}/a") == "200"
