"""A standard queue in memory."""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections import deque
from collections.abc import Sequence

from bench.endpoint.message import Content, Message

#: Messages added at once to an endless queue that runs low.
_REFILL = 100


class Queue:
    """A queue whose time is whatever its callers say it is, in seconds.

    Args:
        visibility: of a receive that asks for none, in seconds.
    """

    def __init__(self, name: str, *, visibility: float = 30.0) -> None:
        self.name = name
        self.visibility = visibility
        self.sent = self.received = self.deleted = 0
        self._numbers = itertools.count(1)
        # Ids of two queues differ: a ledger would take a message of the second for one that it knows.
        self._own = uuid.uuid4().hex[:8]
        self._visible: deque[Message] = deque()
        self._held: dict[str, Message] = {}
        self._delayed: set[Message] = set()
        # When which messages come (back): those received together, or one that was delayed.
        self._returns: list[tuple[float, int, list[tuple[Message, int]]]] = []
        self._ties = itertools.count()
        self._endless: Sequence[Content] = ()

    def send(self, content: Content, *, delay: float, now: float) -> Message:
        """Add a message."""
        message = Message(self._new_id(), content)
        self.sent += 1
        if delay > 0:
            self._delayed.add(message)
            self._return_at(now + delay, [(message, 0)])
        else:
            self._visible.append(message)
        return message

    def make_endless(self) -> int:
        """From now on the queue never runs empty: it repeats what is in it; how many messages that is."""
        self._endless = [message.content for message in self._visible]
        return len(self._endless)

    def purge(self) -> None:
        """Remove everything, and let it run empty again."""
        self._endless = ()
        for store in (self._visible, self._held, self._delayed, self._returns):
            store.clear()

    def receive(self, count: int, *, visibility: float | None, now: float) -> list[Message]:
        """Up to `count` visible messages, hidden for `visibility` seconds."""
        self._bring_back(now)
        if self._endless and len(self._visible) < count:
            contents = itertools.islice(itertools.cycle(self._endless), _REFILL)
            self._visible.extend(Message(self._new_id(), content) for content in contents)
        messages = [self._visible.popleft() for _ in range(min(count, len(self._visible)))]
        for message in messages:
            message.receive_count += 1
            self._held[message.message_id] = message
        if messages:
            self.received += len(messages)
            hidden = self.visibility if visibility is None else visibility
            self._return_at(now + hidden, [(m, m.receive_count) for m in messages])
        return messages

    def delete(self, handle: str) -> bool:
        """Whether the handle was the latest one of a message that is held."""
        message = self._by_handle(handle)
        if message is None:
            return False
        del self._held[message.message_id]
        self.deleted += 1
        return True

    def change_visibility(self, handle: str, seconds: float, *, now: float) -> bool:
        """The same for hiding it longer, or for giving it back with 0."""
        message = self._by_handle(handle)
        if message is None:
            return False
        # What was to happen at the end of the old time finds another count than it expects; the handle
        # has the received one, so that it stays good.
        self._held[message.message_id] = moved = _moved(message)
        self._return_at(now + seconds, [(moved, moved.receive_count)])
        return True

    def release(self) -> int:
        """End the time for which received messages are hidden; how many they are."""
        messages, self._held = [*self._held.values()], {}
        self._visible.extend(messages)
        return len(messages)

    def depth(self, now: float) -> tuple[int, int, int]:
        """How many messages are visible, held and delayed."""
        self._bring_back(now)
        return len(self._visible), len(self._held), len(self._delayed)

    def next_return(self) -> float | None:
        """When a message may come back by itself."""
        return self._returns[0][0] if self._returns else None

    def _new_id(self) -> str:
        return f"{self._own}-0000-4000-8000-{next(self._numbers):012x}"

    def _by_handle(self, handle: str) -> Message | None:
        message = self._held.get(handle.partition("#")[0])
        return message if message is not None and message.handle() == handle else None

    def _return_at(self, moment: float, messages: list[tuple[Message, int]]) -> None:
        heapq.heappush(self._returns, (moment, next(self._ties), messages))

    def _bring_back(self, now: float) -> None:
        while self._returns and self._returns[0][0] <= now:
            for message, count in heapq.heappop(self._returns)[2]:
                if message in self._delayed:
                    self._delayed.discard(message)
                    self._visible.append(message)
                # Another object under the id: it was hidden anew since.
                elif (
                    self._held.get(message.message_id) is message and message.receive_count == count
                ):
                    del self._held[message.message_id]
                    self._visible.append(message)


def _moved(message: Message) -> Message:
    """The same message as another object."""
    moved = Message.__new__(Message)
    for name in Message.__slots__:
        setattr(moved, name, getattr(message, name))
    return moved
