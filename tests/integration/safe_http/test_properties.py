"""Whatever the URL, the redirect or the answer: a response or a verdict."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.clock import SystemClock
from muster.safe_http import Policy, Refused, Request, Response, SafeHttp, Verdict
from muster.safe_http.call import Call, prepare
from muster.safe_http.deadline import Deadline
from muster.safe_http.exchange import Reply, exchange
from muster.safe_http.redirect import follow
from tests.support.outbound import Names, client
from tests.support.web import HERE, answer, site

POLICY = Policy(timeout=timedelta(seconds=5), max_bytes=1000)
CALL = prepare(Request(url="http://site.test/a/b?c"), POLICY)

fragments = st.sampled_from(
    ["https", "://", "site.test", "127.0.0.1", "localhost", "0x7f", "::1", "xn--", "%25", "65536"]
)
marks = st.sampled_from("http:/?#[]@%.\\&=;,'\" \t\r\n\0①。\ud800\u2028ßé٣")
urls = st.text() | st.lists(fragments | marks, max_size=12).map("".join)
hosts = st.lists(fragments | marks, max_size=6).map(lambda parts: f"http://{''.join(parts)}/")
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def outcome(act: Callable[[], object]) -> object:
    """What comes back or is refused; everything else goes up."""
    try:
        return act()
    except Refused as refused:
        return refused


@pytest.fixture(scope="module")
def reachable():
    """A client whose every name leads to a server that answers; it listens on no default port."""
    with site(answer(b"hello")) as served:

        def anywhere(name: str, port: int) -> list[str]:
            return [HERE]

        yield SafeHttp(client(served, ports=frozenset({served.port}))._policy, resolver=anywhere)


@settings(deadline=None)
@given(url=urls | hosts)
def test_any_text_as_url_gives_a_response_or_a_verdict(url: str, reachable: SafeHttp):
    result = outcome(lambda: reachable.fetch(Request(url=url)))
    assert isinstance(result, Response | Refused)
    if isinstance(result, Refused):
        assert str(result).isprintable()


@settings(deadline=None)
@given(url=urls | hosts)
def test_check_refuses_what_fetch_refuses_without_the_network(url: str):
    # Given a client whose names all lead nowhere
    http = SafeHttp(resolver=Names())
    checked = outcome(lambda: http.check(Request(url=url)))
    fetched = outcome(lambda: http.fetch(Request(url=url)))
    # Then what is refused at once is refused alike by a fetch
    assert isinstance(fetched, Refused)
    if isinstance(checked, Refused):
        assert fetched.verdict == checked.verdict
    else:
        assert fetched.verdict == Verdict.DNS_FAILED


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {}, optional={"url": json, "method": json, "headers": json, "body": json, "timeout": json}
    )
)
def test_any_json_as_request_gives_a_verdict(params: dict[str, Any]):
    request = Request(**{"url": "http://site.test/", **params})
    result = outcome(lambda: SafeHttp(resolver=Names()).fetch(request))
    assert isinstance(result, Refused)
    assert str(result).isprintable()


@settings(deadline=None)
@given(location=urls | hosts, status=st.sampled_from([300, 301, 302, 303, 307, 308]))
def test_any_location_is_followed_or_refused(location: str, status: int):
    onward = outcome(lambda: follow(CALL, status=status, location=location, policy=POLICY))
    assert isinstance(onward, Call | Refused)
    if isinstance(onward, Call):
        assert onward.url.port in POLICY.ports
        assert onward.url.target.isascii()


lines = st.sampled_from(
    b"HTTP/1.1 200 OK|HTTP/1.0 302 X|HTTP/1.1 100 Go|HTTP/2 200|| folded|0|5|hello|-1|-5|5;x=y|:|\0"
    b"|ffffffffffffffffff|\xff: \xff|Location: //x|Transfer-Encoding: chunked|Content-Length: 5"
    b"|Content-Length: -1|Content-Length: x|Content-Encoding: gzip|Content-Encoding: deflate"
    b"".split(b"|")
)
answers = st.binary() | st.lists(lines | st.binary(max_size=9), max_size=12).map(b"\r\n".join)


@settings(deadline=None)
@given(answers)
def test_any_bytes_as_answer_give_a_reply_or_a_verdict(data: bytes):
    # Given a server that says these bytes and hangs up
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        deadline = Deadline(clock=SystemClock(), seconds=5)
        # When its answer is read
        reply = outcome(lambda: exchange(ours, CALL, policy=POLICY, deadline=deadline))
    assert isinstance(reply, Reply | Refused)
    if isinstance(reply, Reply):
        assert len(reply.body) <= POLICY.max_bytes
        assert all("\n" not in value and "\r" not in value for _, value in reply.headers)
