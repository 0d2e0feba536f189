"""HTTP/1.1 for the endpoint: as much as SDKs use, with every answer after the same time."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate
from time import time

from bench.endpoint.operations import Refused, Service

_END = b"\r\n\r\n"


class Wire(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._data = b""
        #: Of a request that is longer than what has come: its pieces, and how much it lacks.
        self._pieces: list[bytes] = []
        self._lacking = 0
        self._transport: asyncio.Transport | None = None
        self._poll: asyncio.Future[str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._transport = None
        # Nobody is there any more to take a message.
        if self._poll is not None:
            self._poll.cancel()

    def data_received(self, data: bytes) -> None:
        if self._lacking > 0:
            self._pieces.append(data)
            self._lacking -= len(data)
            if self._lacking > 0:
                return
            data = b"".join(self._pieces)
            self._pieces.clear()
        self._data += data
        while (end := self._data.find(_END)) >= 0:
            lower = self._data[:end].lower()
            length = int(_header(lower, b"content-length") or b"0")
            if len(self._data) < end + 4 + length:
                if b"100-continue" in lower and len(self._data) == end + 4 and self._transport:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self._lacking = end + 4 + length - len(self._data)
                self._pieces.append(self._data)
                self._data = b""
                return
            target = _header(self._data[:end], b"x-amz-target", lower)
            body = self._data[end + 4 : end + 4 + length]
            self._data = self._data[end + 4 + length :]
            self._answer(target.decode(), body)

    def _answer(self, target: str, body: bytes) -> None:
        due = self._loop.time() + self._service.latency
        try:
            answer = self._service.answer(target, body)
        except Refused as refused:
            content = json.dumps({"__type": f"com.amazonaws.sqs#{refused.name}", "message": ""})
            self._loop.call_at(due, self._write, 400, content, refused.older)
            return
        if isinstance(answer, str):
            self._loop.call_at(due, self._write, 200, answer)
        else:
            self._poll = answer
            answer.add_done_callback(lambda done: self._answer_poll(done, due))

    def _answer_poll(self, poll: asyncio.Future[str], due: float) -> None:
        if not poll.cancelled():
            self._loop.call_at(max(due, self._loop.time()), self._write, 200, poll.result())

    def _write(self, status: int, content: str, older: str = "") -> None:
        if self._transport is None:
            return
        body = content.encode()
        error = f"x-amzn-query-error: {older};Sender\r\n" if older else ""
        head = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Request'}\r\n"
            f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n"
            f"Date: {_date(int(time()))}\r\n{error}\r\n"
        )
        self._transport.write(head.encode() + body)


_dates: dict[int, str] = {}


def _date(second: int) -> str:
    if second not in _dates:
        _dates.clear()
        _dates[second] = formatdate(second, usegmt=True)
    return _dates[second]


def _header(head: bytes, name: bytes, lower: bytes | None = None) -> bytes:
    start = (lower or head).find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else None].strip()
