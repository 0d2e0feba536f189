"""What may be asked for: URLs, ports, methods, headers, bodies and timeouts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from muster.safe_http import Policy, Refused, Request, SafeHttp, Verdict
from muster.safe_http.header import MOST_HEADERS, OURS
from muster.safe_http.url import LONGEST_URL, parse_url


def verdict(policy: Policy | None = None, **request: Any) -> str:
    try:
        SafeHttp(policy).check(Request(**{"url": "http://site.test/", **request}))
    except Refused as refused:
        return refused.verdict.value
    return ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://site.test", ""),
        ("HTTPS://SITE.test:443?q", ""),
        ("http://site.test:8080/", ""),
        ("http://site.test:/", ""),
        ("http://site.test:0080/", ""),
        ("http://site.test:22/", Verdict.PORT_REFUSED),
        ("http://site.test:9001/", Verdict.PORT_REFUSED),
        ("http://site.test:0/", Verdict.BAD_PORT),
        ("http://site.test:65536/", Verdict.BAD_PORT),
        ("http://site.test:99999/", Verdict.BAD_PORT),
        ("http://site.test:-1/", Verdict.BAD_PORT),
        ("http://site.test:+80/", Verdict.BAD_PORT),
        ("http://site.test:8_0/", Verdict.BAD_PORT),
        ("http://site.test:８０/", Verdict.BAD_PORT),
        ("http://site.test: 80/", Verdict.BAD_PORT),
        ("http://site.test:80:80/", Verdict.BAD_PORT),
        (f"http://site.test:{'9' * 6000}/", Verdict.BAD_PORT),
        ("http://site.test@10.0.0.1/", Verdict.USERINFO),
        ("http://user:secret@site.test/", Verdict.USERINFO),
        ("http://@site.test/", Verdict.USERINFO),
        ("http://10.0.0.1#@site.test/", Verdict.SPECIAL_ADDRESS),
        ("http://10.0.0.1?@site.test/", Verdict.SPECIAL_ADDRESS),
        ("http://site.test\\@10.0.0.1/", Verdict.BAD_URL),
        ("http:\\\\10.0.0.1/", Verdict.BAD_URL),
        ("http:/site.test/", Verdict.BAD_URL),
        ("http:///path", Verdict.BAD_HOST),
        ("http:site.test", Verdict.BAD_URL),
        ("//site.test/", Verdict.BAD_URL),
        ("/path", Verdict.BAD_URL),
        ("", Verdict.BAD_URL),
        ("not-a-url", Verdict.BAD_URL),
        (" http://site.test/", Verdict.BAD_URL),
        ("http://site.test/ ", Verdict.BAD_URL),
        ("http://site.test/\n", Verdict.BAD_URL),
        ("ht\ntp://site.test/", Verdict.BAD_URL),
        ("http://si\tte.test/", Verdict.BAD_URL),
        ("http://site.test/\0", Verdict.BAD_URL),
        ("http://site.test/\x85", Verdict.BAD_URL),
        ("http://site.test/\ud800", Verdict.BAD_URL),
        ("http://site.test/" + "a" * LONGEST_URL, Verdict.BAD_URL),
        (None, Verdict.BAD_URL),
        (5, Verdict.BAD_URL),
        (b"http://site.test/", Verdict.BAD_URL),
        ("file:///etc/passwd", Verdict.BAD_SCHEME),
        ("ftp://site.test/", Verdict.BAD_SCHEME),
        ("gopher://site.test/", Verdict.BAD_SCHEME),
        ("javascript:alert(1)", Verdict.BAD_SCHEME),
        ("data:text/plain,x", Verdict.BAD_SCHEME),
        ("unix:/var/run/docker.sock", Verdict.BAD_SCHEME),
        ("site.test:80/", Verdict.BAD_SCHEME),
    ],
)
def test_a_url(url: Any, expected: str):
    assert verdict(url=url) == expected


def test_a_url_has_one_canonical_form():
    assert str(parse_url("HTTP://EXAMPLE.com.:80")) == "http://example.com/"
    assert str(parse_url("https://0x08080808:8443/ä?ö#ü")) == "https://8.8.8.8:8443/%C3%A4?%C3%B6"
    assert str(parse_url("http://[0:0::1]:443/")) == "http://[::1]:443/"
    assert str(parse_url("https://example.com:443/a;b%20c")) == "https://example.com/a;b%20c"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_methods_of_the_default_policy(method: str):
    assert verdict(method=method) == ""


@pytest.mark.parametrize(
    "method",
    ["get", "FOO", "PUT", "DELETE", "CONNECT", "TRACE", "", "GET ", "G\r\nT", None, 5, ["GET"]],
)
def test_other_methods_are_refused(method: Any):
    assert verdict(method=method) == Verdict.METHOD_REFUSED


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "text/html"},
        {"X-Empty": ""},
        {"X-Tab": "a\tb"},
        {"Authorization": "Bearer abc"},
        {f"X-{number}": "y" for number in range(MOST_HEADERS)},
    ],
)
def test_headers_that_may_be_sent(headers: dict[str, str]):
    assert verdict(headers=headers) == ""


@pytest.mark.parametrize(
    "headers",
    [
        *({name.title(): "x"} for name in sorted(OURS)),
        {"Metadata-Flavor": "Google"},
        {"metadata": "true"},
        {"X-aws-ec2-metadata-token": "x"},
        {"X-AWS-EC2-Metadata-Token-TTL-Seconds": "60"},
        {"X-Google-Metadata-Request": "True"},
        {"X": "a\r\nY: b"},
        {"X": "a\nb"},
        {"X": "a\rb"},
        {"X": "a\0b"},
        {"X": " a"},
        {"X": "a "},
        {"X": "grüße"},
        {"X": "\u560d\u560aY"},
        {"X": 5},
        {"X": None},
        {"X\r\nY": "a"},
        {"X ": "a"},
        {"X:": "a"},
        {"": "a"},
        {"Ü": "a"},
        {5: "a"},
        {"X": "1", "x": "2"},
        {f"X-{number}": "y" for number in range(MOST_HEADERS + 1)},
        {"X": "y" * 20_000},
        None,
        "X: y",
        [("X", "y")],
    ],
)
def test_headers_that_may_not_be_sent(headers: Any):
    assert verdict(headers=headers) == Verdict.HEADER_REFUSED


def test_a_message_never_quotes_the_value_of_a_header():
    with pytest.raises(Refused) as raised:
        SafeHttp().check(Request(url="http://site.test/", headers={"Authorization": "secret\n"}))
    assert "secret" not in str(raised.value)


def test_a_message_never_quotes_credentials_or_the_query_of_a_url():
    for url in ("http://user:secret@site.test/", "http:/x?token=secret", "http://x/?secret\n"):
        with pytest.raises(Refused) as raised:
            SafeHttp().check(Request(url=url))
        assert "secret" not in str(raised.value)


def test_bodies():
    assert verdict(method="POST", body=b"x") == ""
    assert verdict(method="POST") == ""
    assert verdict(method="GET", body=b"x") == Verdict.BODY_REFUSED
    assert verdict(method="HEAD", body=b"") == Verdict.BODY_REFUSED
    assert verdict(method="POST", body="x") == Verdict.BODY_REFUSED
    small = Policy(max_request_bytes=3)
    assert verdict(small, method="POST", body=b"xxx") == ""
    assert verdict(small, method="POST", body=b"xxxx") == Verdict.BODY_REFUSED


@pytest.mark.parametrize("timeout", [None, 1, 0.001, 30, 31, 10**400, math.inf])
def test_timeouts_that_may_be_asked_for(timeout: float | None):
    assert verdict(timeout=timeout) == ""


@pytest.mark.parametrize("timeout", [0, -1, math.nan, -math.inf, "abc", "5", True, [], {}])
def test_timeouts_that_are_none(timeout: Any):
    assert verdict(timeout=timeout) == Verdict.BAD_TIMEOUT
