"""Lets a batch pass to the worker while it holds one of its agent's slots: exact concurrency.

An event source cannot be limited below two functions, so the functions of such an agent ask before they claim
anything. Who gets no slot waits a little at the spot, since a job may be over soon; then its messages go back
to their queue, uncharged, for as long as the slots say.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from muster.clock import Clock
from muster.errors import StoreUnavailable
from muster.execution.arrival import arrivals_of
from muster.execution.attempt import Agent
from muster.execution.disposition import KEEP, Disposition, return_after
from muster.execution.record import Recorder
from muster.execution.worker import SETTLE_MARGIN, Worker
from muster.model import Message
from muster.store.slots import Refused, Slot, Slots

#: Waited at the spot for a slot. It costs compute, but saves messages from being received again and again.
LINGER = timedelta(seconds=3)

#: Between the first two questions while waiting at the spot; it doubles up to the longest one. A lane that
#: asks this often counts as being there.
FIRST_PAUSE = timedelta(seconds=0.02)
LONGEST_PAUSE = timedelta(seconds=0.5)

#: A slot is held for what the jobs may take and this much more, so that the last of them still fits.
SLACK = timedelta(seconds=5)

#: A message that was received this often goes on as a row that the relay sends in a fresh message: its queue
#: would give it up at 1000.
WORN = 500


class Turnstile:
    """The way into one worker process of an agent with slots."""

    def __init__(
        self,
        *,
        worker: Worker,
        agent: Agent,
        slots: Slots,
        capacity: int,
        recorder: Recorder,
        clock: Clock,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311 - no secret
    ) -> None:
        self._worker = worker
        self._agent = agent
        self._slots = slots
        self._capacity = capacity
        self._recorder = recorder
        self._clock = clock
        self._jitter = jitter
        # One process runs one batch at a time: a slot that it could not give back is its own at the next.
        self._holder = str(uuid4())

    def process(
        self, messages: Sequence[Message], *, lane: str, time_left: timedelta
    ) -> dict[str, Disposition]:
        """As `Worker.process`, for messages of one lane; without a slot they come back later."""
        end = self._clock.monotonic() + time_left.total_seconds()
        jobs = {message.message_id: self._jobs(message) for message in messages}
        needing = [message for message in messages if jobs[message.message_id]]
        if not needing:
            return self._worker.process(messages, time_left=time_left)
        try:
            answer = self._enter(lane, end, needing, jobs=sum(jobs.values()))
        except StoreUnavailable as away:
            self._recorder.store_away(away)
            return {message.message_id: KEEP for message in messages}
        if isinstance(answer, Slot):
            return self._in_slot(answer, messages, end=end)
        self._recorder.refused(lane=lane, messages=len(needing), wait=answer.wait)
        at_once = [message for message in messages if not jobs[message.message_id]]
        worn = [message for message in needing if message.receive_count >= WORN]
        return {
            **{message.message_id: return_after(answer.wait) for message in needing},
            **self._worker.process(at_once, time_left=self._until(end)),
            **self._worker.leave_to_relay(worn, time_left=self._until(end)),
        }

    def _in_slot(
        self, slot: Slot, messages: Sequence[Message], *, end: float
    ) -> dict[str, Disposition]:
        try:
            fates = self._worker.process(messages, time_left=self._until(min(end, slot.ends)))
        except Exception:
            # No job of the batch runs any more: others need not wait until the slot ends.
            self._leave(slot)
            raise
        self._leave(slot)
        return fates

    def _jobs(self, message: Message) -> int:
        """How many jobs of a message would run; what is rejected runs nothing."""
        arrivals = arrivals_of(message, agent_id=self._agent.agent_id)
        return sum(arrival.rejection is None for arrival in arrivals)

    def _enter(
        self, lane: str, end: float, messages: Sequence[Message], *, jobs: int
    ) -> Slot | Refused:
        """Ask for a slot until there is one, it is time to go, or no time would be left for the jobs."""
        sent = [message.sent_at for message in messages if message.sent_at is not None]
        lease = self._agent.longest * jobs + SETTLE_MARGIN + SLACK
        now = self._clock.monotonic()
        until = min(now + LINGER.total_seconds(), end - lease.total_seconds())
        pause = FIRST_PAUSE
        while True:
            answer = self._slots.take(
                agent_id=self._agent.agent_id,
                lane=lane,
                holder=self._holder,
                capacity=self._capacity,
                lease=lease,
                sent_at=min(sent, default=None),
            )
            if isinstance(answer, Slot) or self._clock.monotonic() >= until:
                return answer
            # Whoever was refused together does not ask together for ever.
            self._clock.sleep(pause.total_seconds() * self._jitter())
            pause = min(pause * 2, LONGEST_PAUSE)

    def _until(self, end: float) -> timedelta:
        return timedelta(seconds=max(0.0, end - self._clock.monotonic()))

    def _leave(self, slot: Slot) -> None:
        try:
            self._slots.release([slot])
        except StoreUnavailable as away:
            self._recorder.slot_stuck(away)
