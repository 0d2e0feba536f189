"""Decompression that stops at the limit, however much is packed into how little."""

from __future__ import annotations

import zlib

from muster.safe_http.deadline import Deadline
from muster.safe_http.refusal import Refused, refusal, shown
from muster.safe_http.verdict import Verdict

#: What is asked for, and all that is understood.
ACCEPT_ENCODING = "gzip, deflate"

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_STEP = 64 * 1024


class Content:
    """Collects a body piece by piece, up to `limit` bytes after decompression."""

    def __init__(self, *, encoding: str, limit: int, deadline: Deadline) -> None:
        self._coding = encoding.strip().lower()
        if self._coding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise refusal(
                Verdict.BAD_ENCODING, f"Content-Encoding {shown(encoding)} was not asked for."
            )
        self._limit = limit
        self._deadline = deadline
        self._body = bytearray()
        # Made by the first bytes: "deflate" comes with and without its header.
        self._decompressor = None

    @property
    def _plain(self) -> bool:
        return self._coding in {"", "identity"}

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            Refused: the body gets too large, or is not what it says, or time is up.
        """
        if self._plain:
            self._take(data)
            return
        try:
            more = bool(data)
            while more:
                self._deadline.remaining()
                data, more = self._inflate(data)
        except zlib.error as exc:
            raise self._broken() from exc

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            Refused: the compressed data ends too early.
        """
        if self._decompressor is not None and not self._decompressor.eof:
            raise refusal(Verdict.TRUNCATED, "The compressed body ends too early.")
        return bytes(self._body)

    def _inflate(self, data: bytes) -> tuple[bytes, bool]:
        """Decompress one step; the data that is left, and whether there is more to do."""
        current = self._decompressor
        if current is None or current.eof:
            if current is not None and self._coding == "deflate":
                raise self._broken()
            # gzip may consist of several members (RFC 1952, section 2.2).
            current = self._decompressor = zlib.decompressobj(self._window(data))
        piece = current.decompress(data, _STEP)
        self._take(piece)
        left = current.unused_data if current.eof else current.unconsumed_tail
        # A full step may leave output behind although no input is left.
        return left, bool(left) or (len(piece) == _STEP and not current.eof)

    def _window(self, data: bytes) -> int:
        if self._coding != "deflate":
            return _GZIP
        # The header's first byte says deflate with a window up to 32 KiB (RFC 1950, section 2.2).
        return zlib.MAX_WBITS if data[0] & 0x8F == 0x08 else _RAW

    def _take(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > self._limit:
            raise refusal(Verdict.TOO_LARGE, f"The body is larger than {self._limit} bytes.")

    def _broken(self) -> Refused:
        return refusal(Verdict.BAD_ENCODING, f"The body is no {self._coding} data.")
