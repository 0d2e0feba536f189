"""A socket under a deadline and an allowance: no single wait, and no sum of waits, exceeds them."""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING

from muster.safe_http.deadline import Deadline
from muster.safe_http.refusal import refusal
from muster.safe_http.verdict import Verdict

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SLICE = 64 * 1024


class _Reader(io.BufferedReader):
    """Stays open: responses close what they have read from, and interim ones share it with the last."""

    def close(self) -> None:
        """The socket is closed by whoever opened it."""

    def flush(self) -> None:
        """Nothing is written; a response that is collected late must not find this closed."""


class Wire(io.RawIOBase):
    """The receiving side; `makefile` makes it pass for a socket where `http.client` wants one."""

    def __init__(self, sock: socket.socket, *, deadline: Deadline, allowance: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._left = allowance
        #: The verdict when the allowance is used up.
        self.exceeded = Verdict.HEADERS_TOO_LARGE
        self._reader: io.BufferedIOBase = _Reader(self)

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        """The one buffered reader, however often it is asked for."""
        return self._reader

    def allow(self, more: int) -> None:
        """Let the body's bytes come too."""
        self._left += more
        self.exceeded = Verdict.TOO_LARGE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._sock.settimeout(self._deadline.remaining())
        try:
            count = self._sock.recv_into(buffer)
        except TimeoutError as exc:
            raise self._deadline.passed() from exc
        self._left -= count
        if self._left < 0:
            raise refusal(self.exceeded, "The answer is larger than allowed.")
        return count

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: the connection broke.
            Refused: time is up.
        """
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(self._deadline.remaining())
            try:
                rest = rest[self._sock.send(rest[:_SLICE]) :]
            except TimeoutError as exc:
                raise self._deadline.passed() from exc
