"""One pass over a dead-letter queue: every message is seen once, and what is not taken out is put back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from muster.model import Message
from muster.ports import Queues, Visibility

#: What is held stays hidden no longer than this, should this process die before it puts it back.
HIDDEN = timedelta(seconds=120)
_BATCH = 10
#: A receive that looks into every part of the queue: an empty answer to it means an empty queue.
_LOOK = timedelta(seconds=1)
#: So many answers in a row without anything new, and all was seen.
_ROUNDS = 3


class Scan:
    """Receives whatever a queue holds; a context manager, at whose end what is left is visible again.

    Args:
        seconds: no further letters are received after so many; None: there is no such bound.
    """

    def __init__(
        self,
        queues: Queues,
        queue_url: str,
        *,
        hidden: timedelta = HIDDEN,
        batch: int = _BATCH,
        seconds: float | None = None,
    ) -> None:
        self._queues = queues
        self._queue_url = queue_url
        self._hidden = hidden
        self._batch = min(batch, _BATCH)
        self._end = None if seconds is None else time.monotonic() + seconds
        self._held: dict[str, Message] = {}
        #: Whether the time has ended the pass before all was seen.
        self.out_of_time = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queues.change_visibility_batch(
            self._queue_url,
            [
                Visibility(receipt_handle=message.receipt_handle, after=timedelta(0))
                for message in self._held.values()
            ],
        )

    def batches(self) -> Iterator[list[Message]]:
        """Messages not seen before, a few at a time, until there are no others.

        Raises:
            QueueUnavailable: no answer from SQS.
            ConfigurationError: the queue is missing or forbidden.
        """
        rounds = 0
        # What is held for long is received once more; as many rounds as that takes are no end.
        while rounds < _ROUNDS + len(self._held) // _BATCH:
            received = self._queues.receive(
                self._queue_url, max_messages=self._batch, wait=_LOOK, visibility=self._hidden
            )
            if not received:
                return
            fresh = [message for message in received if message.message_id not in self._held]
            self._held |= {message.message_id: message for message in received}
            rounds = 0 if fresh else rounds + 1
            if fresh:
                yield fresh
            if self._end is not None and time.monotonic() >= self._end:
                self.out_of_time = True
                return

    def take_out(self, messages: Sequence[Message]) -> None:
        """Delete messages of this pass. One whose delete is lost comes again, and is recognised."""
        self._queues.delete_batch(
            self._queue_url, [self._held.pop(m.message_id).receipt_handle for m in messages]
        )
