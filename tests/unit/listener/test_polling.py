"""Threads that receive: who is held up comes back by itself, soon, and calls the others."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from datetime import timedelta

from ecs_listener.lane_state import LaneState
from ecs_listener.log import ListenerLog
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.polling import HELD_UP, Polling
from ecs_listener.polling_plan import LOOK_AGAIN, PollingPlan
from ecs_listener.telling import Telling
from muster.clock import SystemClock
from muster.model import Message
from muster.ports import Outgoing
from tests.support.queues import MemoryQueues
from tests.support.waiting import wait_until


class Receiver:
    """A polling of four threads at one queue in memory, that may receive once it is told so."""

    def __init__(self) -> None:
        self.queues = Locked()
        self.queue = self.queues.create("q")
        self.allowed = False
        #: When it was asked whether anything may be received, and by which thread.
        self.asked: list[tuple[float, int]] = []
        self.taken: list[Message] = []
        self._clock = SystemClock()
        self.polling = Polling(
            queues=self.queues,
            plan=PollingPlan({"normal": self.queue}, room=100),
            visibility=timedelta(seconds=30),
            clock=self._clock,
            telling=Telling(
                log=ListenerLog("agent", level="info", stream=io.StringIO()),
                metrics=ListenerMetrics(),
            ),
            take=self._take,
            surplus=self._take,
            may_receive=self._may,
        )
        self.threads = [threading.Thread(target=self.polling.run) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def _may(self) -> bool:
        self.asked.append((self._clock.monotonic(), threading.get_ident()))
        return self.allowed

    def _take(self, _: LaneState, messages: Sequence[Message], _now: float) -> None:
        self.taken += messages

    def end(self) -> None:
        self.polling.end()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


class Locked(MemoryQueues):
    """For several threads, none of which waits."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def receive(
        self,
        queue_url: str,
        *,
        max_messages: int = 10,
        wait: timedelta = timedelta(seconds=20),
        visibility: timedelta | None = None,
    ) -> list[Message]:
        with self._lock:
            return super().receive(
                queue_url, max_messages=max_messages, wait=timedelta(0), visibility=visibility
            )


def test_what_held_the_receiving_up_need_not_tell_that_it_is_over():
    # Given more to settle than may wait, and messages in the queue
    receiver = Receiver()
    receiver.queues.send_batch(receiver.queue, [Outgoing(body="{}")] * 30)
    wait_until(lambda: len(receiver.asked) > 8)
    assert not receiver.taken
    # When that is over, and nobody says so
    receiver.allowed = True
    # Then everything is received
    wait_until(lambda: len(receiver.taken) == 30)
    receiver.end()


def test_of_threads_that_are_held_up_one_looks_and_the_others_wait():
    # Given threads that may not receive
    receiver = Receiver()
    wait_until(lambda: len(receiver.asked) >= 30)
    receiver.end()
    # Then after the first look of each, hardly anybody but the one that watches has looked again
    looks = receiver.asked[len(receiver.threads) :]
    began, ended = looks[0][0], looks[-1][0]
    others = (len(receiver.threads) - 1) * ((ended - began) / LOOK_AGAIN + 1)
    watching = (ended - began) / HELD_UP + 1
    # The end, too, has each of them look once.
    assert len(looks) <= watching + others + len(receiver.threads)
