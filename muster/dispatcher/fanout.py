"""Sends fires to their queues over several connections at once, while the ledger records the next ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import Self, TypeVar

from muster.clock import Clock
from muster.dispatcher.due import Fire
from muster.errors import RetryableError
from muster.ports import Outgoing, Queues

#: Messages whose delay is computed together: SQS's largest batch.
_BATCH = 10

_T = TypeVar("_T")

_AT = attrgetter("at")


class Fanout:
    """A block in which fires are sent; when it ends, what became of each is known.

    Args:
        connections: calls on their way at once; with 1 they follow one another in the caller's thread.
    """

    def __init__(self, queues: Queues, *, clock: Clock, connections: int = 1) -> None:
        self._queues = queues
        self._clock = clock
        self._pool = ThreadPoolExecutor(connections) if connections > 1 else None
        self._pages: list[Future[None]] = []
        self._calls: list[Future[list[tuple[str, str]]]] = []
        self._silent: set[str] = set()
        #: After the block: agent and job of what was not sent, or may not have been.
        self.unsent: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                # They may raise, and it is they who make the calls.
                for page in self._pages:
                    page.result()
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True)
        if error is None:
            self.unsent = [fire for call in self._calls for fire in call.result()]

    def send(self, make: Callable[[], Iterable[Fire]]) -> None:
        """Send each of what `make` returns so that it appears at its time, or just before.

        With several connections it is called in another thread, so that the caller can go on.
        """
        self._pages.append(self._run(partial(self._page, make)))

    def _page(self, make: Callable[[], Iterable[Fire]]) -> None:
        by_queue: dict[str, list[Fire]] = defaultdict(list)
        for fire in sorted(make(), key=_AT):
            by_queue[fire.queue_url].append(fire)
        for queue_url, entries in by_queue.items():
            for begin in range(0, len(entries), _BATCH):
                batch = entries[begin : begin + _BATCH]
                self._calls.append(self._run(partial(self._batch, queue_url, batch)))

    def _run(self, call: Callable[[], _T]) -> Future[_T]:
        if self._pool is not None:
            return self._pool.submit(call)
        done: Future[_T] = Future()
        done.set_result(call())
        return done

    def _batch(self, queue_url: str, batch: list[Fire]) -> list[tuple[str, str]]:
        """Send one call's worth; returns agent and job of what was not sent."""
        if queue_url in self._silent:
            return [(fire.agent_id, fire.job_id) for fire in batch]
        now = self._clock.monotonic()
        # SQS counts whole seconds; the worker waits out the rest of the last one.
        messages = [
            Outgoing(body=fire.body, delay=timedelta(seconds=max(0, int(fire.at - now))))
            for fire in batch
        ]
        results = self._queues.send_batch(queue_url, messages)
        unsent = [(fire, sent) for fire, sent in zip(batch, results, strict=True) if not sent.ok]
        if len(unsent) == len(batch) and all(
            isinstance(sent.error, RetryableError) for _, sent in unsent
        ):
            # The client has tried several times by now: further calls would only be slow too.
            self._silent.add(queue_url)
        return [(fire.agent_id, fire.job_id) for fire, _ in unsent]
