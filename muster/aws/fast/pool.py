"""Connections to SQS, kept from call to call."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from muster.aws.fast.answer import Answer
from muster.aws.fast.connection import Address, Broken, Connection, Unreachable

#: Why an exchange had no answer.
NoAnswer = Unreachable | Broken


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

    def exchange(self, requests: Sequence[bytes], *, seconds: float) -> list[Answer | NoAnswer]:
        """The answer to each request, or why there is none: all are sent before an answer is waited for.

        Each goes over a kept connection, or over a new one. A kept connection that the other side closes
        before it answers at all had most likely been closed already when the request came, so it is sent once
        more on a new one.

        Args:
            seconds: longest time for each try of each of them.
        """
        sent: list[Connection | NoAnswer] = []
        try:
            for request in requests:
                sent.append(self._sent(request, seconds))  # noqa: PERF401 - what was sent before must be known
            return [
                self._answer(way, request, seconds) if isinstance(way, Connection) else way
                for way, request in zip(sent, requests, strict=True)
            ]
        except BaseException:
            for way in sent:
                if isinstance(way, Connection) and way in self._busy:
                    self._drop(way)
            raise

    def post(self, request: bytes, *, seconds: float) -> Connection | None:
        """The connection on which this request went and its answer will come: `hear` has to be called for it.

        None, where no connection had an answer just now: of another one nobody knows whether it is alive.
        """
        kept = self._pop()
        if kept is None:
            return None
        if not kept.is_fresh():
            self._idle.append(kept)
            return None
        return None if self._send(kept, request, seconds) else kept

    def hear(self, connection: Connection, request: bytes, *, seconds: float) -> Answer | NoAnswer:
        """The answer to what was posted, as `exchange` has it."""
        return self._answer(connection, request, seconds)

    def _sent(self, request: bytes, seconds: float) -> Connection | NoAnswer:
        """The connection that the answer will come on."""
        kept = self._kept()
        if kept is not None:
            problem = self._send(kept, request, seconds)
            if problem is None:
                return kept
            if not self._worn(problem):
                return problem
        return self._sent_anew(request, seconds)

    def _sent_anew(self, request: bytes, seconds: float) -> Connection | NoAnswer:
        try:
            connection = Connection(self._address)
        except Unreachable as problem:
            return problem
        return self._send(connection, request, seconds) or connection

    def _send(self, connection: Connection, request: bytes, seconds: float) -> Broken | None:
        self._busy.add(connection)
        # Whoever closes the pool marks it first and then looks at who is busy.
        if self._closed:
            connection.interrupt()
        try:
            connection.send(request, seconds=seconds)
        except Broken as problem:
            self._drop(connection)
            return problem
        except BaseException:
            self._drop(connection)
            raise
        return None

    def _answer(self, connection: Connection, request: bytes, seconds: float) -> Answer | NoAnswer:
        kept = connection.kept
        try:
            answer = connection.receive()
        except Broken as problem:
            self._drop(connection)
            if not (kept and self._worn(problem)):
                return problem
            anew = self._sent_anew(request, seconds)
            return self._answer(anew, request, seconds) if isinstance(anew, Connection) else anew
        if answer.keeps:
            self._busy.discard(connection)
            self._idle.append(connection)
        else:
            self._drop(connection)
        if self._closed:
            self._close_idle()
        return answer

    def _worn(self, problem: Broken) -> bool:
        """Whether a kept connection had been closed before it was asked."""
        return problem.silent and not problem.timeout and not self._closed

    def _drop(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.close()

    def _kept(self) -> Connection | None:
        while (connection := self._pop()) is not None and connection.is_stale():
            connection.close()
        return connection

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
