"""Asks SQS for messages, as the plan grants it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from ecs_listener.lane_state import LaneState
from ecs_listener.polling_plan import LOOK_AGAIN, MOST_MESSAGES, Grant, PollingPlan
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import ConfigurationError, MusterError
from muster.model import Message
from muster.ports import Queues

#: Pauses of a lane whose receive fails, in seconds; they double. A lane that is missing or forbidden is asked
#: rarely: a person has to mend it.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 20.0
FATAL_PAUSE = 30.0

#: Most threads that receive, besides one for each further lane.
MOST_THREADS = 8

#: While nothing may be received it is looked again after this, in seconds, whether something may: what waits
#: to be settled or deleted does not tell when it has become less.
HELD_UP = 0.05

#: Takes messages of a lane that may start, and when they were asked for; the surplus has no place.
Take = Callable[[LaneState, Sequence[Message], float], None]


class Polling:
    """Threads that receive.

    Args:
        take: gets what was received and may start.
        surplus: gets what was received and may not.
        may_receive: whether another message may be asked for at all, besides room for it.
    """

    def __init__(
        self,
        *,
        queues: Queues,
        plan: PollingPlan,
        visibility: timedelta,
        clock: Clock,
        telling: Telling,
        take: Take,
        surplus: Take,
        may_receive: Callable[[], bool],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._queues = queues
        self._plan = plan
        self._visibility = visibility
        self._clock = clock
        self._telling = telling
        self._take = take
        self._surplus = surplus
        self._may_receive = may_receive
        self._jitter = jitter
        self._changed = threading.Condition()
        self._ended = False
        self._watched = False
        #: Lane -> what is wrong with it, as SQS said.
        self.problems: dict[str, str] = {}

    def threads(self, *, room: int) -> int:
        """How many threads are worth having for this many places."""
        lanes = len(self._plan.lanes)
        return lanes - 1 + min(MOST_THREADS, 1 + room // MOST_MESSAGES)

    def left(self) -> None:
        """A message gave its place back."""
        with self._changed:
            if self._plan.left(self._clock.monotonic()):
                self._changed.notify()

    def look(self) -> None:
        """Something has changed: whether anything may be received, or how much."""
        with self._changed:
            self._changed.notify_all()

    def end(self) -> None:
        """Ask for nothing more. What still comes from receives under way is surplus."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def run(self) -> None:
        """Receive until the end."""
        while (grant := self._grant()) is not None:
            self._receive(grant)

    def _grant(self) -> Grant | None:
        with self._changed:
            while not self._ended:
                if not self._may_receive():
                    self._watch()
                    continue
                step = self._plan.next(self._clock.monotonic())
                if isinstance(step, Grant):
                    if self._plan.more:
                        # Another thread may find work as well.
                        self._changed.notify()
                    return step
                self._changed.wait(step)
        return None

    def _watch(self) -> None:
        """Wait until something may be received; one thread looks, and calls the others."""
        watches, self._watched = not self._watched, True
        try:
            self._changed.wait(HELD_UP if watches else LOOK_AGAIN)
        finally:
            if watches:
                self._watched = False

    def _receive(self, grant: Grant) -> None:
        lane = grant.lane
        try:
            messages = self._queues.receive(
                lane.queue_url,
                max_messages=grant.ask,
                wait=timedelta(seconds=grant.wait),
                visibility=self._visibility,
            )
        except MusterError as error:
            self._failed(grant, error)
            return
        except BaseException:
            # The process is about to end because of it; no other thread shall wait for this receive.
            with self._changed:
                self._plan.failed(grant, self._clock.monotonic(), pause=FATAL_PAUSE)
            raise
        now = self._clock.monotonic()
        with self._changed:
            accepted = 0
            if not self._ended:
                accepted = self._plan.received(grant, len(messages), now)
            if self._plan.more and (len(messages) >= grant.ask or not messages):
                self._changed.notify()
        self.problems.pop(lane.name, None)
        if messages:
            self._telling.received(lane.name, len(messages))
            if accepted:
                self._take(lane, messages[:accepted], now)
            if accepted < len(messages):
                self._surplus(lane, messages[accepted:], now)

    def _failed(self, grant: Grant, error: MusterError) -> None:
        fatal = isinstance(error, ConfigurationError)
        pause = FATAL_PAUSE if fatal else FIRST_PAUSE * 2 ** min(grant.lane.failures, 10)
        pause = min(pause, FATAL_PAUSE if fatal else LONGEST_PAUSE) * (0.5 + self._jitter() / 2)
        self.problems[grant.lane.name] = str(error)
        self._telling.receive_failed(grant.lane.name, error, fatal=fatal, pause=pause)
        with self._changed:
            self._plan.failed(grant, self._clock.monotonic(), pause=pause)
            self._changed.notify()
