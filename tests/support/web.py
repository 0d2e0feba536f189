"""Servers on loopback that behave exactly as badly as a test wants."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: Addresses of one machine: what listens on one is not reached through another.
HERE = "127.0.0.1"
ELSEWHERE = "127.0.0.2"

#: Longest wait for a client that has come, or for a thread that is about to end, in seconds.
_PATIENCE = 60


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Conversation:
    """One connection, from the server's side."""

    sock: socket.socket
    closing: threading.Event
    request: Received

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.sock.sendall(piece)

    def drip(self, data: bytes, *, every: float = 0.02) -> None:
        """Byte by byte, over and over, until the other side has gone."""
        while not self.closing.wait(every):
            for number in range(len(data)):
                self.sock.sendall(data[number : number + 1])
                if self.closing.wait(every):
                    return

    def wait(self) -> None:
        """Say nothing until the test is over."""
        self.closing.wait()


Script = Callable[[Conversation], None]


@dataclass(kw_only=True)
class Site:
    """A server, and what it was asked."""

    script: Script
    tls: ssl.SSLContext | None
    patient: bool
    port: int
    received: list[Received] = field(default_factory=list)
    #: Peers of all connections, those included that never asked for anything.
    accepted: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def serve(self, sock: socket.socket) -> None:
        """Answer one connection."""
        sock.settimeout(_PATIENCE)
        # Clients under test break connections at will.
        with contextlib.suppress(OSError), sock, _secured(sock, self.tls) as open_:
            request = _receive(open_, patient=self.patient)
            self.received.append(request)
            self.script(Conversation(sock=open_, closing=self.closing, request=request))


@contextlib.contextmanager
def site(
    script: Script,
    *,
    address: str = HERE,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    patient: bool = True,
) -> Iterator[Site]:
    """A server that answers every request by the script, until the block ends.

    Args:
        patient: read a request's body before it is answered.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as listener:
        served = Site(script=script, tls=tls, patient=patient, port=listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    sock, peer = listener.accept()
                except OSError:
                    return
                if served.closing.is_set():
                    sock.close()
                    return
                served.accepted.append(peer[0])
                thread = threading.Thread(target=served.serve, args=(sock,), daemon=True)
                threads.append(thread)
                thread.start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield served
        finally:
            served.closing.set()
            # A connection wakes the acceptor; closing its socket would not.
            with contextlib.suppress(OSError):
                socket.create_connection((address, served.port), timeout=_PATIENCE).close()
            for thread in (acceptor, *threads):
                thread.join(timeout=_PATIENCE)
                assert not thread.is_alive()


def answer(
    body: bytes = b"", *, status: str = "200 OK", headers: tuple[str, ...] = (), length: bool = True
) -> Script:
    """A script that gives one complete answer."""
    own = (*headers, f"Content-Length: {len(body)}") if length else headers
    head = "\r\n".join([f"HTTP/1.1 {status}", *own, "", ""]).encode("iso-8859-1")
    return lambda conversation: conversation.say(head + body)


def redirect(location: str, *, status: str = "302 Found") -> Script:
    """A script that sends the caller elsewhere."""
    return answer(b"elsewhere", status=status, headers=(f"Location: {location}",))


def raw(*pieces: bytes) -> Script:
    """A script that says these bytes, whatever they mean."""
    return lambda conversation: conversation.say(*pieces)


def by_path(**scripts: Script) -> Script:
    """A script for each first segment of the path."""

    def choose(conversation: Conversation) -> None:
        path = conversation.request.line.split(" ")[1]
        scripts[path.strip("/").partition("/")[0].partition("?")[0]](conversation)

    return choose


def _secured(sock: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    return tls.wrap_socket(sock, server_side=True) if tls else sock


def _receive(sock: socket.socket, *, patient: bool) -> Received:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("no request")
        data += piece
        if data.startswith(b"\x16"):
            sock.sendall(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
            raise ConnectionError("a TLS handshake")
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (entry.partition(": ") for entry in lines)}
    while patient and len(body) < int(headers.get("content-length", 0)):
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("the body ended early")
        body += piece
    return Received(line=line, headers=headers, body=body)
