"""Messages between a worker and the process of its job: JSON objects, each after its length."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, cast

#: Longest message, in bytes; results are the longest that occur.
LONGEST_FRAME = 32 * 1024 * 1024

_LENGTH = struct.Struct(">I")


class BadFrame(Exception):
    """What came is no message: only a job that writes into the pipe by itself sends such."""


class FrameTooLong(BadFrame):
    """The message is longer than is read."""


def encoded(message: Mapping[str, Any]) -> bytes:
    """A message for the pipe.

    Raises:
        TypeError, ValueError: it is not JSON.
        FrameTooLong: it is too long.
    """
    return framed(json.dumps(message, separators=(",", ":"), default=_plain).encode())


def framed(payload: bytes) -> bytes:
    """A message that is JSON already.

    Raises:
        FrameTooLong: it is too long.
    """
    if len(payload) > LONGEST_FRAME:
        raise FrameTooLong(f"{len(payload)} bytes, at most {LONGEST_FRAME} are sent")
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Puts messages together from the pieces in which they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """The messages that this piece completes.

        Raises:
            BadFrame: the sender does not speak this language.
        """
        self._buffer += piece
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > LONGEST_FRAME:
                raise FrameTooLong(f"{length} bytes, at most {LONGEST_FRAME} are read")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _object(payload)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as problem:
        raise BadFrame("not JSON") from problem
    if not isinstance(message, dict):
        raise BadFrame("not a JSON object")
    return cast("dict[str, Any]", message)


def _plain(value: object) -> object:
    """Read-only mappings are objects too."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError(f"{type(value).__name__} is not JSON")
