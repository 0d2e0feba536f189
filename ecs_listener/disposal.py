"""Deletes and returns messages in batches. Whatever SQS answers is treated as unknown: the ledger decides."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import timedelta

from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import MusterError
from muster.ports import HandleOutcome, Queues, Visibility

#: Handles of one call.
BATCH = 10

#: A batch that is not full goes after this many seconds.
LINGER = 0.02

#: Times that an unknown outcome is tried again.
TRIES = 3

#: Threads that delete, where each has one batch under way: as many as may receive, since each receive of ten
#: makes one delete of ten.
THREADS = 8

_Entry = tuple[str, timedelta | None, int]


class Disposal:
    """Handles on their way to SQS: to be deleted, or shown again after a while.

    Args:
        at_once: batches of one call, which has them all under way together.
    """

    def __init__(
        self,
        *,
        queues: Queues,
        clock: Clock,
        telling: Telling,
        at_once: int = 1,
        threads: int = THREADS,
    ) -> None:
        self._queues = queues
        self._clock = clock
        self._telling = telling
        self._most = BATCH * at_once
        self._threads = threads
        self._changed = threading.Condition()
        #: Per queue and kind of call: entries, and when the first of them came.
        self._waiting: dict[tuple[str, bool], deque[_Entry]] = defaultdict(deque)
        self._since: dict[tuple[str, bool], float] = {}
        self._busy = 0
        self._ending = False

    @property
    def waiting(self) -> int:
        """Messages that are still to be deleted or returned, about."""
        return sum(len(waiting) for waiting in list(self._waiting.values()))

    def start(self, spawn: Callable[[str, Callable[[], None]], None]) -> None:
        """Start the threads."""
        for number in range(self._threads):
            spawn(f"disposal-{number}", self._work)

    def delete(self, queue_url: str, handle: str) -> None:
        """Delete this message soon."""
        self._add((queue_url, True), (handle, None, 1))

    def show(self, queue_url: str, handle: str, *, after: timedelta) -> None:
        """Make this message visible again after this wait."""
        self._add((queue_url, False), (handle, after, 1))

    def finish(self, seconds: float) -> bool:
        """Send what waits and end the threads; false when that took longer than this."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: not self._busy and not any(self._waiting.values()), timeout=seconds
            )

    def _add(self, key: tuple[str, bool], entry: _Entry) -> None:
        with self._changed:
            waiting = self._waiting[key]
            waiting.append(entry)
            if len(waiting) == 1:
                self._since[key] = self._clock.monotonic()
            if len(waiting) in (1, BATCH):
                self._changed.notify()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            key, entries = taken
            try:
                self._send(key, entries)
            finally:
                with self._changed:
                    self._busy -= 1
                    if self._ending:
                        self._changed.notify_all()

    def _take(self) -> tuple[tuple[str, bool], list[_Entry]] | None:
        with self._changed:
            while True:
                now = self._clock.monotonic()
                pause: float | None = None
                for key, waiting in self._waiting.items():
                    if not waiting:
                        continue
                    ripe = self._since[key] + LINGER - now
                    if len(waiting) >= BATCH or ripe <= 0 or self._ending:
                        # Whole batches, or what has waited for long enough to be one.
                        whole = len(waiting) // BATCH * BATCH or len(waiting)
                        entries = [waiting.popleft() for _ in range(min(self._most, whole))]
                        self._since[key] = now
                        self._busy += 1
                        if waiting:
                            self._changed.notify()
                        return key, entries
                    pause = ripe if pause is None else min(pause, ripe)
                if self._ending:
                    return None
                self._changed.wait(pause)

    def _send(self, key: tuple[str, bool], entries: Sequence[_Entry]) -> None:
        queue_url, deleting = key
        outcomes = self._call(queue_url, deleting, entries)
        for outcome in HandleOutcome:
            count = outcomes.count(outcome)
            if count:
                self._telling.disposed(deleting=deleting, outcome=outcome, count=count)
        for (handle, after, tries), outcome in zip(entries, outcomes, strict=True):
            if outcome is HandleOutcome.UNKNOWN and tries < TRIES:
                self._add(key, (handle, after, tries + 1))

    def _call(
        self, queue_url: str, deleting: bool, entries: Sequence[_Entry]
    ) -> list[HandleOutcome]:
        try:
            if deleting:
                return self._queues.delete_batch(queue_url, [handle for handle, _, _ in entries])
            return self._queues.change_visibility_batch(
                queue_url,
                [
                    Visibility(receipt_handle=handle, after=after or timedelta(0))
                    for handle, after, _ in entries
                ],
            )
        except MusterError as error:
            self._telling.dispose_failed(error)
            # Not known, and not worth trying again: the queue is missing or forbidden.
            return [HandleOutcome.STALE] * len(entries)
