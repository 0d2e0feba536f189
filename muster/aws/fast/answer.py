"""An HTTP answer, read from the bytes of a connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Longest status line and headers, in bytes.
MAX_HEAD = 64 * 1024

#: Longest body, in bytes: ten messages of 1 MiB whose every byte JSON escapes by six.
MAX_BODY = 64 * 1024 * 1024

_END = b"\r\n\r\n"


class NotHttp(Exception):
    """What came is no HTTP answer, or ended in the middle of one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's status, head and body."""

    status: int
    #: Status line and headers, as they came.
    head: bytes
    body: bytes
    #: Whether another request may follow on the same connection.
    keeps: bool

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of that lower-case name."""
        return _header(self.head.lower(), self.head, name)


def read_answer(receive: Callable[[], bytes]) -> Answer:
    """The next final answer.

    Args:
        receive: the next bytes; none at the end of the connection. May raise what a socket raises.

    Raises:
        NotHttp: see there; `__cause__` has the detail.
    """
    data = b""
    while True:
        head, data = _head(data, receive)
        status = _status(head)
        if status >= 200:
            break
    lower = head.lower()
    keeps = lower.startswith(b"http/1.1") and b"close" not in (
        (_header(lower, head, b"connection") or b"").lower()
    )
    length = _header(lower, head, b"content-length")
    coding = _header(lower, head, b"transfer-encoding")
    if coding is not None:
        if coding.lower() != b"chunked":
            raise NotHttp(f"transfer encoding {coding!r}")
        body, rest = _chunked(data, receive)
    elif length is not None:
        body, rest = _sized(data, _number(length, 10), receive)
    else:
        # Without a length the body lasts as long as the connection; 204 has none.
        body, rest, keeps = (
            (b"", data, keeps) if status == 204 else (_all(data, receive), b"", False)
        )
    # Bytes after the answer belong to no request of ours.
    return Answer(status, head, body, keeps and not rest)


def _head(data: bytes, receive: Callable[[], bytes]) -> tuple[bytes, bytes]:
    end = data.find(_END)
    while end < 0:
        if len(data) > MAX_HEAD:
            raise NotHttp("the headers have no end")
        data += _more(receive)
        end = data.find(_END)
    return data[:end], data[end + 4 :]


def _more(receive: Callable[[], bytes]) -> bytes:
    piece = receive()
    if not piece:
        raise NotHttp("the connection ended within the answer")
    return piece


def _status(head: bytes) -> int:
    if not head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")) or not head[9:12].isdigit():
        raise NotHttp(f"an answer begins with {head[:40]!r}")
    return int(head[9:12])


def _header(lower: bytes, head: bytes, name: bytes) -> bytes | None:
    start = lower.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else None].strip()


def _number(text: bytes, base: int) -> int:
    # int() would take signs, spaces and underscores too.
    digits = b"0123456789abcdef"[:base]
    if not text or text.lower().strip(digits) or len(text) > 16:
        raise NotHttp(f"a length of {text[:40]!r}")
    number = int(text, base)
    if number > MAX_BODY:
        raise NotHttp(f"{number} bytes")
    return number


def _sized(data: bytes, size: int, receive: Callable[[], bytes]) -> tuple[bytes, bytes]:
    """That many bytes, and what came beyond them."""
    if len(data) < size:
        pieces = [data]
        missing = size - len(data)
        while missing > 0:
            piece = _more(receive)
            pieces.append(piece)
            missing -= len(piece)
        data = b"".join(pieces)
    return data[:size], data[size:]


def _chunked(data: bytes, receive: Callable[[], bytes]) -> tuple[bytes, bytes]:
    chunks: list[bytes] = []
    total = 0
    while True:
        line, data = _line(data, receive)
        size = _number(line.partition(b";")[0].strip(), 16)
        if not size:
            break
        total += size
        if total > MAX_BODY:
            raise NotHttp(f"{total} bytes")
        chunk, data = _sized(data, size + 2, receive)
        if not chunk.endswith(b"\r\n"):
            raise NotHttp("a chunk is longer than it says")
        chunks.append(chunk[:-2])
    while line:
        line, data = _line(data, receive)
    return b"".join(chunks), data


def _line(data: bytes, receive: Callable[[], bytes]) -> tuple[bytes, bytes]:
    while b"\r\n" not in data:
        if len(data) > MAX_HEAD:
            raise NotHttp("a line has no end")
        data += _more(receive)
    line, _, rest = data.partition(b"\r\n")
    return line, rest


def _all(data: bytes, receive: Callable[[], bytes]) -> bytes:
    pieces = [data]
    total = len(data)
    while piece := receive():
        total += len(piece)
        if total > MAX_BODY:
            raise NotHttp(f"{total} bytes")
        pieces.append(piece)
    return b"".join(pieces)
