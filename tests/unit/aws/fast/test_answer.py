"""An answer is the same in whatever pieces it arrives, and what is no answer is said to be none."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.aws.fast.answer import MAX_BODY, MAX_HEAD, NotHttp, read_answer

ANSWERS = [
    b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 13\r\n\r\nhello, world!",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\nx-a:b\r\n\r\n7\r\nhello, \r\n6\r\nworld!\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 13\r\n\r\nhello, world!",
    b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello, world!",
]


def _pieces(data: bytes, cuts: list[int]) -> Callable[[], bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    return lambda: pieces.pop(0) if pieces else b""


@given(data=st.sampled_from(ANSWERS), cuts=st.lists(st.integers(0, 200), max_size=20))
def test_pieces_make_no_difference(data: bytes, cuts: list[int]):
    answer = read_answer(_pieces(data, cuts))
    assert (answer.status, answer.body) == (200, b"hello, world!")
    assert answer.header(b"x-a") == b"b"
    assert answer.header(b"x-b") is None


@given(data=st.sampled_from(ANSWERS[:3]), length=st.integers(0, 200))
def test_half_an_answer_is_none(data: bytes, length: int):
    with pytest.raises(NotHttp):
        read_answer(_pieces(data[: length % len(data)], []))


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_an_answer_or_none(data: bytes):
    try:
        read_answer(_pieces(data, []))
    except NotHttp:
        return
    assert data.startswith(b"HTTP/1.")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1_0\r\n\r\n" + b"x" * 10,
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * MAX_HEAD * 2,
        b"HTTP/1.1 200 OK\r\nx: " + b"x" * MAX_HEAD * 2,
    ],
)
def test_what_is_no_answer_is_refused(data: bytes):
    with pytest.raises(NotHttp):
        read_answer(_pieces(data, list(range(0, len(data), 1000))))


def test_no_content_needs_no_end():
    answer = read_answer(_pieces(b"HTTP/1.1 204 No Content\r\n\r\n", []))
    assert (answer.body, answer.keeps) == (b"", True)
