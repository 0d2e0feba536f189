"""Sends fires to their queues over several connections at once, while the ledger records the next ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from muster.clock import Clock
from muster.dispatcher.due import Fire
from muster.errors import RetryableError
from muster.ports import Queues

#: Messages whose delay is computed together: SQS's largest batch.
_BATCH = 10

#: A fire, and when it is to appear: a moment of the monotonic clock.
Timed = tuple[Fire, float]


class Fanout:
    """A block in which fires are sent; when it ends, what became of each is known.

    Args:
        connections: calls on their way at once; with 1 they follow one another in the caller's thread.
    """

    def __init__(self, queues: Queues, *, clock: Clock, connections: int = 1) -> None:
        self._queues = queues
        self._clock = clock
        self._pool = ThreadPoolExecutor(connections) if connections > 1 else None
        self._calls: list[Future[list[Fire]]] = []
        self._silent: set[str] = set()
        #: After the block: what was not sent, or may not have been.
        self.unsent: list[Fire] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        if error is None:
            self.unsent = [fire for call in self._calls for fire in call.result()]

    def send(self, fires: Iterable[Timed]) -> None:
        """Send each so that it appears at its time, or just before."""
        by_queue: dict[str, list[Timed]] = defaultdict(list)
        for fire, at in sorted(fires, key=lambda timed: timed[1]):
            by_queue[fire.queue_url].append((fire, at))
        for queue_url, entries in by_queue.items():
            for begin in range(0, len(entries), _BATCH):
                self._start(self._batch, queue_url, entries[begin : begin + _BATCH])

    def _start(
        self, call: Callable[[str, list[Timed]], list[Fire]], queue_url: str, batch: list[Timed]
    ) -> None:
        if self._pool is not None:
            self._calls.append(self._pool.submit(call, queue_url, batch))
            return
        done: Future[list[Fire]] = Future()
        done.set_result(call(queue_url, batch))
        self._calls.append(done)

    def _batch(self, queue_url: str, batch: list[Timed]) -> list[Fire]:
        """Send one call's worth; returns what was not sent."""
        if queue_url in self._silent:
            return [fire for fire, _ in batch]
        now = self._clock.monotonic()
        messages = [fire.message(at - now) for fire, at in batch]
        results = self._queues.send_batch(queue_url, messages)
        unsent = [
            (fire, sent) for (fire, _), sent in zip(batch, results, strict=True) if not sent.ok
        ]
        if len(unsent) == len(batch) and all(
            isinstance(sent.error, RetryableError) for _, sent in unsent
        ):
            # The client has tried several times by now: further calls would only be slow too.
            self._silent.add(queue_url)
        return [fire for fire, _ in unsent]
