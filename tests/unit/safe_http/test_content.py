"""Decompression in any slices gives the same, and stops at the limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.clock import SystemClock
from muster.safe_http import Refused, Verdict
from muster.safe_http.content import Content
from muster.safe_http.deadline import Deadline
from tests.support.timepiece import Timepiece


def content(encoding: str, *, limit: int = 1 << 20) -> Content:
    deadline = Deadline(clock=Timepiece(stopped=True), seconds=20)
    return Content(encoding=encoding, limit=limit, deadline=deadline)


@settings(deadline=None)
@given(
    body=st.binary(max_size=2000) | st.integers(0, 300_000).map(bytes),
    cuts=st.lists(st.integers(1, 50), min_size=1),
    encoding=st.sampled_from(["gzip", "deflate", "identity"]),
)
def test_any_slices_give_the_whole(body: bytes, cuts: list[int], encoding: str):
    # Given a body in one of the codings
    encode = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding]
    data, collected, turn = encode(body), content(encoding), 0
    # When it comes in slices
    while data:
        size = cuts[turn % len(cuts)]
        collected.feed(data[:size])
        data, turn = data[size:], turn + 1
    # Then it is whole
    assert collected.finish() == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_costs_no_more_than_the_limit(encoding: str):
    # Given 64 MiB in 64 KiB, in one piece
    encode = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    bomb = encode(bytes(64 << 20))
    # When it is decompressed up to a mebibyte
    tracemalloc.start()
    collected = content(encoding)
    with pytest.raises(Refused) as raised:
        collected.feed(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Then it ended there
    assert raised.value.verdict is Verdict.TOO_LARGE
    assert peak < 4 << 20


def test_members_without_content_end_at_the_deadline():
    # Given many empty gzip members, which cost time but give no bytes
    class Hourglass(SystemClock):
        def __init__(self) -> None:
            self.asked = 0

        def monotonic(self) -> float:
            self.asked += 1
            return self.asked / 100

    deadline = Deadline(clock=Hourglass(), seconds=1)
    collected = Content(encoding="gzip", limit=1000, deadline=deadline)
    with pytest.raises(Refused) as raised:
        collected.feed(gzip.compress(b"") * 1000)
    assert raised.value.verdict is Verdict.TIMED_OUT
