"""However slow or large the other side is, a call ends in time with a verdict."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import zlib
from collections.abc import Iterator

import pytest

from muster.safe_http import Policy, Request, SafeHttp, Verdict
from tests.support.certificates import Authority
from tests.support.outbound import Names, Stopwatch, client, verdict_of
from tests.support.waiting import wait_until
from tests.support.web import ELSEWHERE, HERE, Conversation, Script, answer, raw, site

HEAD = b"HTTP/1.1 200 OK\r\n"
#: What the policies below allow, in seconds: the most.
LONGEST = 30
#: Allowed for the machine to be busy; every wait below would last for ever, or as long as its policy allows.
SLACK = 25.0


def drip_body(conversation: Conversation) -> None:
    conversation.say(HEAD, b"Content-Length: 1000000\r\n\r\n")
    conversation.drip(b"x")


def drip_chunks(conversation: Conversation) -> None:
    conversation.say(HEAD, b"Transfer-Encoding: chunked\r\n\r\n")
    conversation.drip(b"1\r\nx\r\n")


def drip_chunk_size(conversation: Conversation) -> None:
    conversation.say(HEAD, b"Transfer-Encoding: chunked\r\n\r\n")
    conversation.drip(b"0")


def drip_headers(conversation: Conversation) -> None:
    conversation.say(HEAD)
    conversation.drip(b"X-Slow: yes\r\n")


def drip_one_header(conversation: Conversation) -> None:
    conversation.say(HEAD, b"X-Slow: ")
    conversation.drip(b"y")


def drip_status(conversation: Conversation) -> None:
    conversation.drip(b"H")


def endless_interim(conversation: Conversation) -> None:
    conversation.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


def silent(conversation: Conversation) -> None:
    conversation.wait()


def drip_gzip(conversation: Conversation) -> None:
    conversation.say(HEAD, b"Content-Encoding: gzip\r\n\r\n")
    conversation.drip(gzip.compress(b""))


@pytest.mark.parametrize(
    "script",
    [
        drip_body,
        drip_chunks,
        drip_chunk_size,
        drip_headers,
        drip_one_header,
        drip_status,
        endless_interim,
        silent,
        drip_gzip,
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_slow_server_cannot_hold_a_call(script: Script, scheme: str, authority: Authority):
    # Given a server that never ends, though it never pauses for long
    tls = authority.serve("site.test") if scheme == "https" else None
    with site(script, tls=tls) as served:
        http = client(served, authorities=authority.pem, seconds=LONGEST)
        # When it is called with a second's time
        with Stopwatch() as watch:
            verdict = verdict_of(http, f"{scheme}://site.test:{served.port}/", timeout=0.5)
    # Then the call ends after that second
    assert verdict == Verdict.TIMED_OUT
    assert 0.5 <= watch.seconds < 0.5 + SLACK


def test_a_redirecting_server_cannot_prolong_a_call():
    # Given a server that takes its time for each redirect
    def slow_redirect(conversation: Conversation) -> None:
        conversation.closing.wait(0.3)
        conversation.say(b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n")

    with site(slow_redirect) as served, Stopwatch() as watch:
        http = client(served, seconds=LONGEST)
        verdict = verdict_of(http, f"http://site.test:{served.port}/", timeout=0.5)
    # Then the limit is for all hops together
    assert verdict == Verdict.TIMED_OUT
    assert watch.seconds < 0.5 + SLACK


def test_a_server_that_takes_no_body_cannot_hold_a_call():
    # Given a listener that takes no data beyond what fits into buffers
    size = 64 * 1024 * 1024
    with socket.create_server((HERE, 0)) as deaf, Stopwatch() as watch:
        port = deaf.getsockname()[1]
        http = client(ports=frozenset({port}), max_request_bytes=size, seconds=LONGEST)
        url = f"http://site.test:{port}/"
        verdict = verdict_of(http, url, method="POST", body=bytes(size), timeout=0.5)
    assert verdict == Verdict.TIMED_OUT
    assert watch.seconds < 0.5 + SLACK


@contextlib.contextmanager
def unanswering() -> Iterator[int]:
    """A port on loopback that takes connections into its queue until that is full, and then none."""
    with socket.create_server((HERE, 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        address = server.getsockname()
        for _ in range(10):
            probe = waiting.enter_context(socket.socket())
            probe.settimeout(0.2)
            try:
                probe.connect(address)
            except TimeoutError:
                yield address[1]
                return
        raise AssertionError("the queue is never full")


def test_a_host_that_does_not_answer_cannot_hold_a_call():
    with unanswering() as port, Stopwatch() as watch:
        http = client(ports=frozenset({port}), seconds=LONGEST)
        verdict = verdict_of(http, f"http://site.test:{port}/", timeout=0.5)
    assert verdict == Verdict.TIMED_OUT
    assert watch.seconds < 0.5 + SLACK + 0.5


def test_an_address_that_does_not_answer_leaves_time_for_the_next():
    # Given a name with two addresses, the first of which is silent
    with unanswering() as port, site(answer(b"hello"), address=ELSEWHERE, port=port):
        names = Names(site=[HERE, ELSEWHERE])
        http = client(ports=frozenset({port}), names=names, allowed=("127.0.0.0/8",), seconds=12)
        response = http.fetch(Request(url=f"http://site.test:{port}/"))
    # Then it had its share of the time, and the other one the rest
    assert response.address == ELSEWHERE
    assert 6 <= response.elapsed.total_seconds() < 12


def test_a_tls_handshake_cannot_hold_a_call(authority: Authority):
    # Given a server that starts a handshake record and goes on byte by byte
    with socket.create_server((HERE, 0)) as server:
        port, over = server.getsockname()[1], threading.Event()

        def dawdle() -> None:
            sock, _ = server.accept()
            with sock, contextlib.suppress(OSError):
                sock.sendall(b"\x16\x03\x03\x40\x00")
                while not over.wait(0.02):
                    sock.sendall(b"\x02")

        thread = threading.Thread(target=dawdle, daemon=True)
        thread.start()
        with Stopwatch() as watch:
            http = client(ports=frozenset({port}), authorities=authority.pem, seconds=LONGEST)
            verdict = verdict_of(http, f"https://site.test:{port}/", timeout=0.5)
        over.set()
        thread.join(timeout=60)
    assert watch.seconds < 0.5 + SLACK
    assert verdict in {Verdict.TIMED_OUT, Verdict.TLS_FAILED}


def test_slow_dns_cannot_hold_a_call():
    # Given a resolver that does not answer
    over = threading.Event()

    def stuck(name: str, port: int) -> list[str]:
        over.wait(600)
        return []

    http = SafeHttp(resolver=stuck)
    with Stopwatch() as watch:
        verdict = verdict_of(http, "http://site.test/", timeout=0.3)
    over.set()
    assert verdict == Verdict.TIMED_OUT
    assert watch.seconds < 0.3 + SLACK


def test_hanging_lookups_do_not_pile_up():
    # Given a resolver that does not answer, and as many calls as may wait for it
    over = threading.Event()
    started: list[str] = []

    def stuck(name: str, port: int) -> list[str]:
        started.append(name)
        over.wait(600)
        return []

    http = SafeHttp(resolver=stuck)
    for _ in range(40):
        assert verdict_of(http, "http://site.test/", timeout=0.02) == Verdict.TIMED_OUT
    # Then no more of them hang than the limit
    wait_until(lambda: len(started) >= 32)
    assert len(started) == 32
    over.set()


def test_a_gzip_bomb_ends_early():
    # Given a body that grows a thousandfold, and that never ends
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    more = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)

    def bomb(conversation: Conversation) -> None:
        conversation.say(HEAD, b"Content-Encoding: gzip\r\n\r\n", start)
        while True:
            conversation.say(more)

    with site(bomb) as served, Stopwatch() as watch:
        verdict = verdict_of(client(served, seconds=LONGEST), f"http://site.test:{served.port}/")
    # Then it ends at ten mebibytes
    assert verdict == Verdict.TOO_LARGE
    assert watch.seconds < SLACK


@pytest.mark.parametrize("length", [True, False], ids=["announced", "unannounced"])
@pytest.mark.parametrize(("extra", "outcome"), [(0, "200"), (1, Verdict.TOO_LARGE)])
def test_the_size_limit_is_exact(length: bool, extra: int, outcome: str):
    limit = 100_000
    with site(answer(b"x" * (limit + extra), length=length)) as served:
        http = client(served, max_bytes=limit)
        assert verdict_of(http, f"http://site.test:{served.port}/") == outcome


def test_the_size_limit_holds_for_what_is_sent_too():
    # Given gzip members without content: much that becomes nothing
    body = gzip.compress(b"") * 100
    with site(answer(body, headers=("Content-Encoding: gzip",), length=False)) as served:
        url = f"http://site.test:{served.port}/"
        assert verdict_of(client(served, max_bytes=len(body)), url) == "200"
        assert verdict_of(client(served, max_bytes=len(body) - 1), url) == Verdict.TOO_LARGE


def test_ten_mebibytes_are_the_default():
    assert Policy().max_bytes == 10 * 1024 * 1024
    with site(raw(HEAD, b"Content-Length: 10485761\r\n\r\n")) as served:
        # The announcement is enough: nothing is read.
        verdict = verdict_of(client(served), f"http://site.test:{served.port}/")
    assert verdict == Verdict.TOO_LARGE


def test_the_size_limit_holds_for_chunks():
    chunks = b"".join(b"%x\r\n%s\r\n" % (1000, b"x" * 1000) for _ in range(11)) + b"0\r\n\r\n"
    with site(raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", chunks)) as served:
        url = f"http://site.test:{served.port}/"
        assert verdict_of(client(served, max_bytes=11_000), url) == "200"
        assert verdict_of(client(served, max_bytes=10_999), url) == Verdict.TOO_LARGE


def test_chunks_of_one_byte_are_read():
    with site(
        raw(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 5000, b"0\r\n\r\n")
    ) as served:
        http = client(served, max_bytes=5000)
        assert http.fetch(Request(url=f"http://site.test:{served.port}/")).body == b"x" * 5000


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"y" * 300_000 + b"\r\n",
        b"".join(b"X-%d: y\r\n" % number for number in range(5000)),
        b"X: " + b"y" * 66_000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    ],
    ids=["long", "many", "a long line", "many interim answers"],
)
def test_headers_have_a_limit(head: bytes):
    start = b"" if head.startswith(b"HTTP") else HEAD
    with site(raw(start, head, b"\r\n")) as served:
        verdict = verdict_of(client(served), f"http://site.test:{served.port}/")
    assert verdict == Verdict.HEADERS_TOO_LARGE


def test_a_call_can_ask_for_less_time_but_not_for_more():
    with site(silent) as served, Stopwatch() as watch:
        http = client(served, seconds=0.4)
        verdict = verdict_of(http, f"http://site.test:{served.port}/", timeout=1e300)
    assert verdict == Verdict.TIMED_OUT
    assert watch.seconds < 0.4 + SLACK
