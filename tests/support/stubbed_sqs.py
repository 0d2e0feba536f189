"""A server on loopback that answers SQS requests as a test says, one answer after the other."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.ports import LOOPBACK

#: Longest that the server waits for a client, in seconds.
_PATIENCE = 60


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sent, and on which of its connections (counted from 1)."""

    connection: int
    #: The client's address on that connection.
    peer: Any
    headers: dict[str, str]
    body: dict[str, Any]


#: Answers one request on its connection; True keeps the connection open.
Answer = Callable[[socket.socket], bool]


def ok(body: dict[str, Any] | None = None, *, pieces: int = 1) -> Answer:
    """Success, sent in so many pieces."""
    return raw(_http(200, json.dumps(body or {}).encode()), pieces=pieces)


def refusal(code: str, *, status: int = 400, **headers: str) -> Answer:
    """An error as SQS tells it."""
    content = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return raw(_http(status, content, **named))


def raw(data: bytes, *, keep: bool = True, pieces: int = 1) -> Answer:
    """These bytes."""

    def answer(connection: socket.socket) -> bool:
        size = max(1, -(-len(data) // pieces))
        for start in range(0, len(data), size):
            connection.sendall(data[start : start + size])
        return keep

    return answer


def page(status: int, text: str) -> Answer:
    """What something before SQS would answer."""
    return raw(_http(status, text.encode(), **{"content-type": "text/html"}))


def lost(_: socket.socket) -> bool:
    """The connection ends without a reply."""
    return False


def reset(connection: socket.socket) -> bool:
    """The connection is reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def silent(connection: socket.socket) -> bool:
    """No reply, for as long as the client keeps the connection."""
    connection.recv(1)
    return False


def _http(status: int, content: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class StubbedSqs:
    """The server; `script` is what is still to be answered, `requests` what came."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.script: deque[Answer] = deque()
        self.requests: list[Request] = []
        #: Set at each request.
        self.asked = threading.Semaphore(0)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def answer(self, *answers: Answer) -> None:
        """Answer the next requests so; requests beyond them get an empty success."""
        self.script.extend(answers)

    def stop(self) -> None:
        """End; clients must have closed their connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_PATIENCE)
            assert not thread.is_alive(), "a connection is still open"

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            connection.settimeout(_PATIENCE)
            thread = threading.Thread(target=self._serve, args=(connection, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        try:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
        except OSError:
            plain.close()  # The client did not like the certificate.
            return
        with connection, connection.makefile("rb") as stream:
            peer = connection.getpeername()
            while (request := _read(stream, number, peer)) is not None:
                self.requests.append(request)
                self.asked.release()
                answer = self.script.popleft() if self.script else ok()
                if not answer(connection):
                    return


def _read(stream: Any, number: int, peer: Any) -> Request | None:
    try:
        if not stream.readline():
            return None
    except OSError:
        return None
    headers: dict[str, str] = {}
    while (line := stream.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = json.loads(stream.read(int(headers["content-length"])))
    return Request(connection=number, peer=peer, headers=headers, body=body)


@contextmanager
def stubbed_sqs(tls: ssl.SSLContext | None = None) -> Iterator[StubbedSqs]:
    """A running server, with TLS when a context is given."""
    server = StubbedSqs(tls)
    try:
        yield server
    finally:
        server.stop()
