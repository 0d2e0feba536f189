"""A TCP proxy that misbehaves on demand: between a client and Postgres it plays the network's faults."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_LOOPBACK = "127.0.0.1"
#: How often a thread looks whether it should end, in seconds.
_TICK = 0.05
#: SO_LINGER on with 0 s: closing sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """Stands in front of one server; every change holds for present and future connections.

    * `open`: passes everything on.
    * `refuse`: nobody listens, and what was connected is reset.
    * `swallow`: a black hole: connections stay, packets vanish, nothing is reset.
    * `cut_reply_to`: the next request that holds the pattern reaches the server, its reply is lost.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._pattern: bytes | None = None
        self._swallowing = False
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener: socket.socket | None = None
        #: Keeps the port while nobody listens: another process might get it for a connection of its own.
        self._reserved = _bound(0)
        self._port = self._reserved.getsockname()[1]
        #: Replies lost so far.
        self.cuts = 0

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self.refuse()
        self._reserved.close()
        for thread in self._threads:
            thread.join(60)

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        host = f"{self._target.username}:{self._target.password}@{_LOOPBACK}:{self._port}"
        return urlunsplit(self._target._replace(netloc=host))

    def open(self) -> None:
        """Listen, on the same port as ever, and pass everything on."""
        self._swallowing = False
        self._pattern = None
        if self._listener is not None:
            return
        self._listener = _bound(self._port)
        self._listener.listen()
        self._listener.settimeout(_TICK)
        self._run(self._accept, self._listener)

    def refuse(self) -> None:
        """Listen no longer, and reset what is connected."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)  # at once: a thread that accepts would hold it open
            listener.close()
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _reset(*pair)

    def swallow(self) -> None:
        """Take everything and pass nothing on."""
        self._swallowing = True

    def cut_reply_to(self, pattern: str) -> None:
        """Lose the reply to the next request that holds `pattern`, and reset its connection."""
        self._pattern = pattern.encode()

    def _run(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)  # pyright: ignore[reportArgumentType] - any of the methods below
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            server = socket.create_connection((str(self._target.hostname), self._target.port))
            pair = (client, server)
            self._pairs.append(pair)
            if self._listener is not listener:  # refused since it was accepted
                _reset(*pair)
                return
            cut = threading.Event()
            self._run(self._pump, client, server, pair, cut, True)
            self._run(self._pump, server, client, pair, cut, False)

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        pair: tuple[socket.socket, socket.socket],
        cut: threading.Event,
        requests: bool,
    ) -> None:
        while not self._stopping:
            try:
                source.settimeout(_TICK)
                data = source.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not data:
                break
            while self._swallowing and not self._stopping and pair in self._pairs:
                time.sleep(_TICK)
            if requests and self._pattern is not None and self._pattern in data:
                self._pattern = None
                cut.set()
            if not requests and cut.is_set():
                self.cuts += 1
                break
            try:
                sink.sendall(data)
            except OSError:
                break
        _reset(*pair)


def _bound(port: int) -> socket.socket:
    """A socket at this port, where others of this process may be, too; only one that listens is called."""
    bound = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    bound.bind((_LOOPBACK, port))
    return bound


def _reset(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        each.close()
