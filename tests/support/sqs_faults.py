"""An HTTP proxy in front of an SQS endpoint that misbehaves on demand."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_LOOPBACK = "127.0.0.1"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients are killed on purpose."""


class SqsFaults:
    """Passes calls on, except those that are to fail.

    `fail(operation, how)`: until told otherwise, calls of the operation end so, where how is an HTTP status
    with an error's name ("503 ServiceUnavailable"), `reset` (the connection is dropped before the call) or
    `lost` (the call has its effect, its reply is dropped). Operation `*` means every one.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._faults: dict[str, tuple[str, int | None]] = {}
        self._lock = threading.Lock()
        #: Calls of each operation that arrived here, and those that were answered.
        self.calls: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy._serve(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base calls it so
                """Nothing."""

        self._server = _Server((_LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://{_LOOPBACK}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def fail(self, operation: str, how: str, *, times: int | None = None) -> None:
        """Let these calls fail so; None: until `mend`."""
        with self._lock:
            self._faults[operation] = (how, times)

    def mend(self) -> None:
        """Pass everything on."""
        with self._lock:
            self._faults.clear()

    def _fault(self, operation: str) -> str | None:
        with self._lock:
            self.calls[operation] += 1
            for name in (operation, "*"):
                if name not in self._faults:
                    continue
                how, times = self._faults[name]
                if times is not None:
                    if times == 1:
                        del self._faults[name]
                    else:
                        self._faults[name] = (how, times - 1)
                return how
        return None

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        fault = self._fault(operation)
        request.close_connection = fault is not None
        if fault == "reset":
            return
        if fault is not None and fault != "lost":
            status, _, name = fault.partition(" ")
            self._answer(
                request, int(status), json.dumps({"__type": name, "message": name}).encode()
            )
            return
        connection = HTTPConnection(str(self._target.hostname), self._target.port, timeout=40)
        try:
            headers = {key: value for key, value in request.headers.items() if key != "Host"}
            connection.request("POST", "/", body, headers)
            if fault is None and _gone(request.connection, before=connection.sock):
                request.close_connection = True
                return
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            request.close_connection = True
            return
        finally:
            connection.close()
        if fault is None:
            with self._lock:
                self.answered[operation] += 1
            self._answer(request, answer.status, content)

    def _answer(self, request: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/x-amz-json-1.0")
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except OSError:
            request.close_connection = True  # the client is gone


def _gone(client: socket.socket, *, before: socket.socket) -> bool:
    """Whether the client left before that answered: no message may be given to a poll of the dead."""
    waiting = select.poll()
    for each in (client, before):
        waiting.register(each, select.POLLIN)
    ready = {descriptor for descriptor, _ in waiting.poll(40_000)}
    if before.fileno() in ready or client.fileno() not in ready:
        return False
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
