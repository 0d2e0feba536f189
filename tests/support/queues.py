"""SQS in memory, behind the port `muster.ports.Queues`; the conformance suite holds it to the real one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from muster.clock import Clock, SystemClock
from muster.errors import ConfigurationError
from muster.model import Message
from muster.ports import Depth, HandleOutcome, Outgoing, Ready, Sent, Visibility

#: How often a waiting receive looks again, in seconds.
_POLL = 0.01


@dataclass(kw_only=True)
class StoredMessage:
    """A message in a queue of `MemoryQueues`."""

    message_id: str
    body: str
    attributes: Mapping[str, str]
    sent_at: datetime
    #: Monotonic seconds from which it can be received.
    visible_from: float
    delayed: bool
    receive_count: int = 0
    receipt_handle: str = ""


class MemoryQueues:
    """Queues in this process. Not for several threads.

    Args:
        clock: its `sleep` must move its `monotonic`, or a waiting receive never ends.
        visibility: of a receive that asks for none.
    """

    def __init__(
        self, *, clock: Clock | None = None, visibility: timedelta = timedelta(seconds=30)
    ) -> None:
        self._clock = clock or SystemClock()
        self._visibility = visibility
        self._numbers = itertools.count(1)
        #: What lies in each queue by URL, in the order it was sent; tests may look and change it.
        self.stored: dict[str, list[StoredMessage]] = {}

    def create(self, name: str) -> str:
        """Make a queue; its URL."""
        url = f"memory://{name}"
        self.stored[url] = []
        return url

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        for entry in entries:
            if not 0 <= entry.delay.total_seconds() <= 900:
                raise ValueError(f"delay {entry.delay}")
        if queue_url not in self.stored:
            return [Sent(error=_missing(queue_url)) for _ in entries]
        return [self._store(queue_url, entry) for entry in entries]

    def prepare(self, queue_url: str, entries: Sequence[Outgoing]) -> Ready[list[Sent]]:
        def post() -> Callable[[], list[Sent]]:
            sent = self.send_batch(queue_url, entries)
            return lambda: sent

        return Ready(send=partial(self.send_batch, queue_url, entries), post=post)

    def receive(
        self,
        queue_url: str,
        *,
        max_messages: int = 10,
        wait: timedelta = timedelta(seconds=20),
        visibility: timedelta | None = None,
    ) -> list[Message]:
        deadline = self._clock.monotonic() + wait.total_seconds()
        while (
            not (ready := self._visible(queue_url, max_messages))
            and self._clock.monotonic() < deadline
        ):
            self._clock.sleep(_POLL)
        hidden = self._visibility if visibility is None else visibility
        return [self._hand_out(stored, hidden) for stored in ready]

    def change_visibility_batch(
        self, queue_url: str, changes: Sequence[Visibility]
    ) -> list[HandleOutcome]:
        held = self._held(queue_url, [change.receipt_handle for change in changes])
        outcomes: list[HandleOutcome] = []
        for change in changes:
            stored = held.get(change.receipt_handle)
            if stored is not None:
                stored.visible_from = self._clock.monotonic() + change.after.total_seconds()
            outcomes.append(HandleOutcome.ACCEPTED if stored else HandleOutcome.STALE)
        return outcomes

    def delete_batch(self, queue_url: str, receipt_handles: Sequence[str]) -> list[HandleOutcome]:
        held = self._held(queue_url, receipt_handles)
        gone = {held[handle].message_id for handle in receipt_handles if handle in held}
        self.stored[queue_url] = [m for m in self.stored[queue_url] if m.message_id not in gone]
        return [
            HandleOutcome.ACCEPTED if handle in held else HandleOutcome.STALE
            for handle in receipt_handles
        ]

    def depth(self, queue_url: str) -> Depth:
        messages = self._queue(queue_url)
        hidden = [m for m in messages if m.visible_from > self._clock.monotonic()]
        delayed = sum(m.delayed for m in hidden)
        return Depth(
            visible=len(messages) - len(hidden), in_flight=len(hidden) - delayed, delayed=delayed
        )

    def _queue(self, queue_url: str) -> list[StoredMessage]:
        if queue_url not in self.stored:
            raise _missing(queue_url)
        return self.stored[queue_url]

    def _visible(self, queue_url: str, most: int) -> list[StoredMessage]:
        """The first that can be received: a test's queue may be thousands long."""
        now = self._clock.monotonic()
        visible = (m for m in self._queue(queue_url) if m.visible_from <= now)
        return list(itertools.islice(visible, most))

    def _held(self, queue_url: str, handles: Sequence[str]) -> dict[str, StoredMessage]:
        """Those of the messages that are held by one of these handles."""
        messages, wanted = self._queue(queue_url), {handle for handle in handles if handle}
        return (
            {m.receipt_handle: m for m in messages if m.receipt_handle in wanted} if wanted else {}
        )

    def _store(self, queue_url: str, entry: Outgoing) -> Sent:
        message_id = f"message-{next(self._numbers)}"
        delay = int(entry.delay.total_seconds())
        stored = StoredMessage(
            message_id=message_id,
            body=entry.body,
            attributes={name: value for name, value in entry.attributes.items() if value},
            sent_at=self._clock.now(),
            visible_from=self._clock.monotonic() + delay,
            delayed=delay > 0,
        )
        self.stored[queue_url].append(stored)
        return Sent(message_id=message_id)

    def _hand_out(self, stored: StoredMessage, hidden: timedelta) -> Message:
        stored.receive_count += 1
        stored.delayed = False
        stored.visible_from = self._clock.monotonic() + hidden.total_seconds()
        stored.receipt_handle = f"handle-{next(self._numbers)}"
        return Message(
            message_id=stored.message_id,
            receipt_handle=stored.receipt_handle,
            body=stored.body,
            attributes=stored.attributes,
            sent_at=stored.sent_at,
            receive_count=stored.receive_count,
        )


def _missing(queue_url: str) -> ConfigurationError:
    return ConfigurationError(f"{queue_url} does not exist. Create it first.")
