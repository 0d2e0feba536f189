"""A connection to SQS, for one request after another."""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from dataclasses import dataclass

from muster.aws.fast.answer import Answer, NotHttp, read_answer

_PIECE = 64 * 1024

#: A connection that was used within so many seconds is taken to be open still: whether it is can only be told
#: by trying, and looking costs as much as that.
_FRESH = 0.5

#: How a socket says that it would have to wait; the other two by TLS.
_WOULD_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Unreachable(Exception):
    """No connection came about; `timeout` says whether time ran out."""

    def __init__(self, *, timeout: bool) -> None:
        super().__init__()
        self.timeout = timeout


class Broken(Exception):
    """The answer did not come, so whether the request had its effect is unknown."""

    def __init__(self, *, timeout: bool, silent: bool) -> None:
        super().__init__()
        self.timeout = timeout
        #: Whether nothing of the answer came.
        self.silent = silent


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """What to connect to."""

    host: str
    port: int
    #: None: without TLS.
    tls: ssl.SSLContext | None
    #: Longest time for each of DNS address, connection and TLS, in seconds.
    connect_timeout: float


class Connection:
    """One connection, for one request at a time.

    Its socket never waits by itself. Each call of the system lets another thread have the interpreter, which
    costs more than the call, and a socket with a timeout makes two of each.
    """

    def __init__(self, address: Address) -> None:
        self._socket = _connect(address)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        #: Whether it has had an answer, and may be used for another one.
        self.kept = False
        self._used = time.monotonic()
        self._deadline = 0.0
        self._silent = True

    def is_fresh(self) -> bool:
        """Whether it was made, or had an answer, just now."""
        return time.monotonic() - self._used <= _FRESH

    def is_stale(self) -> bool:
        """Whether the other side closed it, or said something unasked."""
        return not self.is_fresh() and bool(self._poll.poll(0))

    def send(self, request: bytes, *, seconds: float) -> None:
        """Send a request; a connection that raised is of no use any more.

        Args:
            seconds: longest time until its answer is here.

        Raises:
            Broken: see there.
        """
        self._silent = True
        self._deadline = time.monotonic() + seconds
        try:
            while request:
                try:
                    request = request[self._socket.send(request) :]
                except _WOULD_WAIT as full:
                    self._wait(_events(full, select.POLLOUT))
        except OSError as exc:
            raise self._broken(exc) from exc

    def receive(self) -> Answer:
        """The answer to what was sent.

        Raises:
            Broken: see there.
        """
        try:
            self._wait(select.POLLIN)
            answer = read_answer(self._piece)
        except (OSError, NotHttp) as exc:
            raise self._broken(exc) from exc
        self._used = time.monotonic()
        self.kept = answer.keeps
        return answer

    def _piece(self) -> bytes:
        while True:
            try:
                piece = self._socket.recv(_PIECE)
            except _WOULD_WAIT as empty:
                self._wait(_events(empty, select.POLLIN))
            else:
                if piece:
                    self._silent = False
                return piece

    def _wait(self, events: int) -> None:
        """Wait until the socket is ready for one of these events, as long as there is time."""
        poll = self._poll
        if events != select.POLLIN:
            poll = select.poll()
            poll.register(self._socket, events)
        # What has come in time is read even if the answers before it took longer.
        left = max(0.0, self._deadline - time.monotonic())
        if not poll.poll(math.ceil(left * 1000)):
            raise TimeoutError

    def _broken(self, problem: Exception) -> Broken:
        return Broken(timeout=isinstance(problem, TimeoutError), silent=self._silent)

    def interrupt(self) -> None:
        """Make an exchange in another thread end at once."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # The other side was faster.

    def close(self) -> None:
        """Close it; more than once is fine."""
        self._socket.close()


def _connect(address: Address) -> socket.socket:
    try:
        plain = socket.create_connection(
            (address.host, address.port), timeout=address.connect_timeout
        )
    except OSError as exc:
        raise Unreachable(timeout=isinstance(exc, TimeoutError)) from exc
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected = plain
        if address.tls is not None:
            connected = address.tls.wrap_socket(plain, server_hostname=address.host)
        connected.setblocking(False)
    except BaseException as exc:
        plain.close()
        if isinstance(exc, OSError):
            raise Unreachable(timeout=isinstance(exc, TimeoutError)) from exc
        raise
    return connected


def _events(problem: OSError, usual: int) -> int:
    """What a socket waits for that raised one of `_WOULD_WAIT`: TLS may have to read before it can write."""
    if isinstance(problem, ssl.SSLWantReadError):
        return select.POLLIN
    return select.POLLOUT if isinstance(problem, ssl.SSLWantWriteError) else usual
