"""TLS in front of a Postgres: the handshake that libpq asks for, with a certificate of the test's choice.

Not every PostgreSQL at hand is built with TLS; this one speaks it for each of them.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from types import TracebackType
from typing import Self

#: What libpq sends first when it wants TLS: its length, and a number that is no version of the protocol.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class TlsFront:
    """Listens on loopback, and hands what it decrypts to the Postgres behind it.

    Args:
        context: of the server: its certificate and key.
        port: of the Postgres behind.
    """

    def __init__(self, context: ssl.SSLContext, *, port: int) -> None:
        self._context = context
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: Sessions whose handshake both sides have ended well.
        self.sessions = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        self._open.append(plain)
        if plain.recv(len(_SSL_REQUEST), socket.MSG_WAITALL) != _SSL_REQUEST:
            plain.close()
            return
        plain.sendall(b"S")
        try:
            client = self._context.wrap_socket(plain, server_side=True)
            # A client that does not like the certificate says so now, and not in the handshake.
            first = client.recv(65536)
        except OSError:
            plain.close()
            return
        if not first:
            client.close()
            return
        self.sessions += 1
        server = socket.create_connection(("127.0.0.1", self._behind))
        self._open += [client, server]
        server.sendall(first)
        threading.Thread(target=_carry, args=(server, client), daemon=True).start()
        _carry(client, server)


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Hand over what comes until one side ends, then end the other."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # one of them is gone: so is the connection
