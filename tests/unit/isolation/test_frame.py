"""Messages between worker and job survive any cut, and nothing that a job writes breaks its worker."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.isolation.frame import (
    LONGEST_FRAME,
    BadFrame,
    FrameReader,
    FrameTooLong,
    encoded,
    framed,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(messages=st.lists(st.dictionaries(st.text(), JSON), max_size=4), cut=st.integers(1, 50))
def test_messages_arrive_whole_however_they_are_cut(messages: list[dict[str, Any]], cut: int):
    stream = b"".join(map(encoded, messages))
    reader = FrameReader()
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    assert [message for piece in pieces for message in reader.feed(piece)] == messages


@given(noise=st.binary(max_size=200))
def test_noise_is_messages_or_a_bad_frame(noise: bytes):
    try:
        found = list(FrameReader().feed(noise))
    except BadFrame:
        return
    assert all(isinstance(message, dict) for message in found)


def test_deep_nesting_is_a_bad_frame():
    with pytest.raises(BadFrame):
        list(FrameReader().feed(framed(b"[" * 200_000)))


def test_what_is_too_long_is_neither_sent_nor_read():
    with pytest.raises(FrameTooLong):
        framed(b"x" * (LONGEST_FRAME + 1))
    with pytest.raises(FrameTooLong):
        list(FrameReader().feed((LONGEST_FRAME + 1).to_bytes(4, "big")))


def test_read_only_mappings_are_objects_and_other_things_are_not():
    [message] = FrameReader().feed(encoded({"config": MappingProxyType({"a": [1]})}))
    assert message == {"config": {"a": [1]}}
    with pytest.raises(TypeError, match="set is not JSON"):
        encoded({"x": {1}})
