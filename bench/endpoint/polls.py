"""Receives that wait for messages."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from bench.endpoint.queue import Queue

#: What a receive that found nothing answers.
_EMPTY = "{}"

_Take = Callable[[], str | None]
_Waiting = tuple[_Take, "asyncio.Future[str]"]


class Polls:
    """Those that wait, in the order they came."""

    def __init__(self) -> None:
        self._waiting: dict[Queue, deque[_Waiting]] = {}
        self._alarms: dict[Queue, asyncio.TimerHandle] = {}

    def wait(self, queue: Queue, take: _Take, *, seconds: float) -> asyncio.Future[str]:
        """What `take` finds within the time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        mine = (take, future)
        waiting = self._waiting.setdefault(queue, deque())
        waiting.append(mine)

        def give_up() -> None:
            if not future.done():
                waiting.remove(mine)
                future.set_result(_EMPTY)

        end = loop.call_later(seconds, give_up)
        future.add_done_callback(lambda _: end.cancel())
        self._set_alarm(queue)
        return future

    def waiting(self, queue: Queue) -> int:
        """How many receives wait now."""
        return sum(not future.done() for _, future in self._waiting.get(queue, ()))

    def look(self, queue: Queue) -> None:
        """Something may have come: serve whom it suffices for."""
        waiting = self._waiting.get(queue)
        while waiting:
            take, future = waiting[0]
            if future.done():  # The client has gone.
                waiting.popleft()
                continue
            found = take()
            if found is None:
                self._set_alarm(queue)
                return
            waiting.popleft()
            future.set_result(found)

    def _set_alarm(self, queue: Queue) -> None:
        """Look again when a message comes back by itself."""
        moment = queue.next_return()
        known = self._alarms.pop(queue, None)
        if known:
            known.cancel()
        if moment is not None:
            loop = asyncio.get_running_loop()
            after = max(0.0, moment - time.monotonic()) + 0.001
            self._alarms[queue] = loop.call_later(after, self.look, queue)
