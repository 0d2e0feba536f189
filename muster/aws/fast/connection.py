"""Connections to SQS, kept from call to call."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass

from muster.aws.fast.answer import Answer, NotHttp, read_answer

_PIECE = 64 * 1024

#: What is waited beyond a deadline at most, in seconds. Telling the socket of another timeout is a call of
#: the system, and lets another thread have the interpreter: it is told when that makes a difference.
_MOMENT = 0.05


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
    """One connection, for one request at a time."""

    def __init__(self, address: Address) -> None:
        self._socket = _connect(address)
        self._arrivals = select.poll()
        self._arrivals.register(self._socket, select.POLLIN)
        self._deadline = 0.0
        self._timeout = -1.0
        self._silent = True

    def is_stale(self) -> bool:
        """Whether the other side closed it, or said something unasked."""
        return bool(self._arrivals.poll(0))

    def exchange(self, request: bytes, *, seconds: float) -> Answer:
        """Send a request and read its answer; a connection that raised is of no use any more.

        Args:
            seconds: longest time for all of it.

        Raises:
            Broken: see there.
        """
        self._silent = True
        self._deadline = time.monotonic() + seconds
        try:
            self._let(seconds)
            self._socket.sendall(request)
            return read_answer(self._receive)
        except TimeoutError as exc:
            raise Broken(timeout=True, silent=self._silent) from exc
        except (OSError, NotHttp) as exc:
            raise Broken(timeout=False, silent=self._silent) from exc

    def _receive(self) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._let(left)
        piece = self._socket.recv(_PIECE)
        if piece:
            self._silent = False
        return piece

    def _let(self, seconds: float) -> None:
        """Let the next step take so long."""
        if not seconds <= self._timeout <= seconds + _MOMENT:
            self._socket.settimeout(seconds)
            self._timeout = seconds

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
        if address.tls is None:
            return plain
        return address.tls.wrap_socket(plain, server_hostname=address.host)
    except BaseException as exc:
        plain.close()
        if isinstance(exc, OSError):
            raise Unreachable(timeout=isinstance(exc, TimeoutError)) from exc
        raise


class Pool:
    """As many connections as calls were ever at work at once; the one used last is used next."""

    def __init__(self, address: Address) -> None:
        self._address = address
        # Appending, popping, adding and discarding are atomic: threads need no lock here.
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def exchange(self, request: bytes, *, seconds: float) -> Answer:
        """Exchange on a kept connection, or on a new one.

        A kept connection that the other side closes before it answers at all had most likely been closed
        already when the request came, so it is sent once more on a new one.

        Raises:
            Unreachable: nothing was sent.
            Broken: see there.
        """
        kept = self._kept()
        if kept is not None:
            try:
                return self._on(kept, request, seconds)
            except Broken as broken:
                if broken.timeout or not broken.silent or self._closed:
                    raise
        return self._on(Connection(self._address), request, seconds)

    def _kept(self) -> Connection | None:
        while (connection := self._pop()) is not None and connection.is_stale():
            connection.close()
        return connection

    def _on(self, connection: Connection, request: bytes, seconds: float) -> Answer:
        self._busy.add(connection)
        # Whoever closes the pool marks it first and then looks at who is busy.
        if self._closed:
            connection.interrupt()
        try:
            answer = connection.exchange(request, seconds=seconds)
        except BaseException:
            connection.close()
            raise
        finally:
            self._busy.discard(connection)
        if answer.keeps:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:
            self._close_idle()
        return answer

    def close(self) -> None:
        """End every exchange at once and close what is idle; later exchanges fail."""
        self._closed = True
        for connection in self._busy.copy():
            connection.interrupt()
        self._close_idle()

    def _close_idle(self) -> None:
        while (connection := self._pop()) is not None:
            connection.close()

    def _pop(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None
