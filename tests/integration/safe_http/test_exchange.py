"""What is sent, and what is made of the answers that servers give."""

from __future__ import annotations

import gzip
import socket
import struct
import zlib
from typing import Any

import pytest

from muster.errors import PermanentError, RetryableError
from muster.safe_http import Refused, Request, Verdict
from tests.support.outbound import client, verdict_of
from tests.support.web import Conversation, Script, answer, raw, site

HEAD = b"HTTP/1.1 200 OK\r\n"


def url_of(port: int) -> str:
    return f"http://site.test:{port}/"


def test_a_request_is_sent_as_asked():
    with site(answer(b"made", status="201 Created")) as served:
        request = Request(
            url=f"http://site.test:{served.port}/ä b;c?d=[e]&f=%20#g",
            method="POST",
            headers={"Content-Type": "application/json", "X-Trace": "1, 2"},
            body=b'{"a": 1}',
        )
        response = client(served).fetch(request)
    assert (response.status, response.body) == (201, b"made")
    [received] = served.received
    assert received.line == "POST /%C3%A4%20b;c?d=[e]&f=%20 HTTP/1.1"
    assert received.body == b'{"a": 1}'
    assert received.headers == {
        "host": f"site.test:{served.port}",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "connection": "close",
        "content-length": "8",
        "content-type": "application/json",
        "user-agent": "muster",
        "x-trace": "1, 2",
    }


def test_headers_of_the_answer_are_readable():
    script = answer(
        headers=("X-One: 1", "x-one: 2", "X-Folded: a\r\n\tb", "X-Letters: gr\xfc\xdfe")
    )
    with site(script) as served:
        response = client(served).fetch(Request(url=url_of(served.port)))
    assert response.header("X-ONE") == "1"
    assert response.header("x-folded") == "a b"
    assert response.header("x-letters") == "grüße"
    assert response.header("missing") is None
    assert [value for name, value in response.headers if name.lower() == "x-one"] == ["1", "2"]


@pytest.mark.parametrize(
    "status", ["204 No Content", "304 Not Modified", "404 Not Found", "500 No"]
)
def test_any_status_is_a_response(status: str):
    with site(raw(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())) as served:
        assert verdict_of(client(served), url_of(served.port)) == status[:3]


def test_interim_answers_are_passed_over():
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    with site(raw(early * 3, HEAD, b"Content-Length: 2\r\n\r\nok")) as served:
        assert client(served).fetch(Request(url=url_of(served.port))).body == b"ok"


def test_head_has_no_body():
    with site(raw(HEAD, b"Content-Length: 99999999999\r\nContent-Encoding: br\r\n\r\n")) as served:
        response = client(served).fetch(Request(url=url_of(served.port), method="HEAD"))
    assert (response.status, response.body) == (200, b"")


def _deflated(body: bytes, window: int) -> bytes:
    compressor = zlib.compressobj(wbits=window)
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"text" * 1000, mtime=0)),
        ("x-gzip", gzip.compress(b"text" * 1000, mtime=0)),
        ("GZip", gzip.compress(b"text" * 500, mtime=0) + gzip.compress(b"text" * 500, mtime=0)),
        ("deflate", _deflated(b"text" * 1000, 15)),
        ("deflate", _deflated(b"text" * 1000, 9)),
        ("deflate", _deflated(b"text" * 1000, -15)),
        ("identity", b"text" * 1000),
        ("", b"text" * 1000),
    ],
)
def test_a_compressed_body_is_decompressed(encoding: str, body: bytes):
    with site(answer(body, headers=(f"Content-Encoding: {encoding}",))) as served:
        assert client(served).fetch(Request(url=url_of(served.port))).body == b"text" * 1000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_an_empty_body_needs_no_decompression(encoding: str):
    with site(answer(b"", headers=(f"Content-Encoding: {encoding}",))) as served:
        assert client(served).fetch(Request(url=url_of(served.port))).body == b""


def reset(conversation: Conversation) -> None:
    conversation.say(HEAD, b"Content-Length: 100\r\n\r\nsome")
    conversation.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (raw(b""), Verdict.CONNECTION_LOST),
        (reset, Verdict.CONNECTION_LOST),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Verdict.BAD_RESPONSE),
        (raw(b"<html>HTTP/0.9</html>"), Verdict.BAD_RESPONSE),
        (raw(b"HTTP/1.1 abc OK\r\n\r\n"), Verdict.BAD_RESPONSE),
        (raw(b"HTTP/1.1 99999 OK\r\n\r\n"), Verdict.BAD_RESPONSE),
        (raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Verdict.CONNECTION_LOST),
        (raw(b"HTTP/1.1 102 Processing\r\n\r\n" * 50), Verdict.BAD_RESPONSE),
        (raw(b"\0" * 1000), Verdict.BAD_RESPONSE),
        (raw(HEAD, b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Verdict.BAD_RESPONSE),
        (raw(HEAD, b"Content-Length: 100\r\n\r\nsome"), Verdict.TRUNCATED),
        (raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n5\r\nsom"), Verdict.TRUNCATED),
        (raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nsome"), Verdict.TRUNCATED),
        (raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"), Verdict.TRUNCATED),
        (
            answer(gzip.compress(b"x", mtime=0)[:-1], headers=("Content-Encoding: gzip",)),
            Verdict.TRUNCATED,
        ),
        (answer(b"plain", headers=("Content-Encoding: gzip",)), Verdict.BAD_ENCODING),
        (answer(b"\xffplain", headers=("Content-Encoding: deflate",)), Verdict.BAD_ENCODING),
        (
            answer(
                gzip.compress(b"x", mtime=0) + b"yyyyyyyyyy", headers=("Content-Encoding: gzip",)
            ),
            Verdict.BAD_ENCODING,
        ),
        (
            answer(_deflated(b"x", 15) * 2, headers=("Content-Encoding: deflate",)),
            Verdict.BAD_ENCODING,
        ),
        (answer(b"x", headers=("Content-Encoding: br",)), Verdict.BAD_ENCODING),
        (answer(b"x", headers=("Content-Encoding: gzip, gzip",)), Verdict.BAD_ENCODING),
    ],
)
def test_an_answer_that_is_none_has_a_verdict(script: Script, verdict: Verdict):
    with site(script) as served:
        assert verdict_of(client(served), url_of(served.port)) == verdict


def test_a_server_that_answers_before_it_has_read_everything_is_heard():
    # Given a server that answers by the headers alone, and hangs up
    body = bytes(64 * 1024 * 1024)
    script = raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    with site(script, patient=False) as served:
        http = client(served, max_request_bytes=len(body))
        assert verdict_of(http, url_of(served.port), method="POST", body=body) == "401"


@pytest.mark.parametrize(
    ("request_", "verdict"),
    [
        ({"headers": {"X": "a\r\nHost: evil"}}, Verdict.HEADER_REFUSED),
        ({"headers": {"X\r\nHost": "evil"}}, Verdict.HEADER_REFUSED),
        ({"headers": {"Host": "evil"}}, Verdict.HEADER_REFUSED),
        ({"headers": {"Transfer-Encoding": "chunked"}}, Verdict.HEADER_REFUSED),
        ({"headers": {"Metadata-Flavor": "Google"}}, Verdict.HEADER_REFUSED),
        ({"method": "CONNECT"}, Verdict.METHOD_REFUSED),
        ({"method": "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"}, Verdict.METHOD_REFUSED),
        ({"body": b"x"}, Verdict.BODY_REFUSED),
        ({"timeout": "abc"}, Verdict.BAD_TIMEOUT),
    ],
)
def test_what_may_not_be_sent_is_refused_before_a_connection(
    request_: dict[str, Any], verdict: Verdict
):
    with site(answer()) as served:
        assert verdict_of(client(served), url_of(served.port), **request_) == verdict
        assert served.accepted == []


def test_line_breaks_in_a_url_are_refused_before_a_connection():
    with site(answer()) as served:
        for url in ("{}\r\nX: y", "{}a HTTP/1.1\r\nX: y\r\n\r\n", "{}\n", "{}\t"):
            text = url.format(url_of(served.port))
            assert verdict_of(client(served), text) == Verdict.BAD_URL
        assert served.accepted == []


def test_what_is_for_good_and_what_is_for_now():
    with site(raw(b"")) as served:
        with pytest.raises(RetryableError) as passing:
            client(served).fetch(Request(url=url_of(served.port)))
        with pytest.raises(PermanentError) as final:
            client(served).fetch(Request(url="http://10.0.0.1/"))
    assert isinstance(passing.value, Refused)
    assert passing.value.code == "connection_lost"
    assert isinstance(final.value, Refused)
    assert final.value.code == "special_address"
