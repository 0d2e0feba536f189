"""Handles go to SQS in whole batches, several in one call where the transport can, and none is lost."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from ecs_listener.disposal import BATCH, TRIES, Disposal
from ecs_listener.log import ListenerLog
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.telling import Telling
from muster.clock import SystemClock
from muster.ports import HandleOutcome
from tests.support.queues import MemoryQueues
from tests.support.waiting import wait_until

QUEUE = "memory://q"


class Told(MemoryQueues):
    """Remembers what each delete was for; the first ones have no answer."""

    def __init__(self, *, unanswered: int = 0) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self._unanswered = unanswered

    def delete_batch(self, queue_url: str, receipt_handles: Sequence[str]) -> list[HandleOutcome]:
        assert queue_url == QUEUE
        self.calls.append(list(receipt_handles))
        known = len(self.calls) > self._unanswered
        outcome = HandleOutcome.ACCEPTED if known else HandleOutcome.UNKNOWN
        return [outcome] * len(receipt_handles)


def _disposal(queues: Told, *, at_once: int) -> Disposal:
    telling = Telling(
        log=ListenerLog("agent", level="info", stream=io.StringIO()), metrics=ListenerMetrics()
    )
    return Disposal(queues=queues, clock=SystemClock(), telling=telling, at_once=at_once, threads=1)


def _spawn(_name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=work).start()


@pytest.mark.parametrize(
    ("at_once", "sizes"), [(1, [10] * 4 + [5]), (3, [30, 10, 5]), (8, [40, 5])]
)
def test_a_call_takes_as_many_whole_batches_as_wait(at_once: int, sizes: list[int]):
    # Given 45 messages that wait to be deleted
    queues = Told()
    disposal = _disposal(queues, at_once=at_once)
    handles = [f"h{n}" for n in range(45)]
    for handle in handles:
        disposal.delete(QUEUE, handle)
    # When they are, the last of them after having waited for others
    disposal.start(_spawn)
    wait_until(lambda: not disposal.waiting and sum(map(len, queues.calls)) == 45)
    assert disposal.finish(20)
    # Then calls were as large as they may be, and each message is in one of them, in order
    assert [len(call) for call in queues.calls] == sizes
    assert [handle for call in queues.calls for handle in call] == handles


def test_an_unknown_outcome_is_tried_again_a_bounded_number_of_times():
    # Given deletes that are never answered
    queues = Told(unanswered=100)
    disposal = _disposal(queues, at_once=8)
    for n in range(2 * BATCH):
        disposal.delete(QUEUE, f"h{n}")
    # When the process ends
    disposal.start(_spawn)
    wait_until(lambda: len(queues.calls) == TRIES)
    assert disposal.finish(20)
    # Then each was tried that often
    assert sorted(h for call in queues.calls for h in call) == sorted(
        TRIES * [f"h{n}" for n in range(2 * BATCH)]
    )


def test_what_is_shown_again_and_what_is_deleted_go_apart():
    queues = Told()
    shown: list[timedelta] = []
    queues.change_visibility_batch = lambda _, changes: (
        shown.extend(change.after for change in changes) or [HandleOutcome.ACCEPTED] * len(changes)
    )
    disposal = _disposal(queues, at_once=8)
    disposal.delete(QUEUE, "gone")
    disposal.show(QUEUE, "back", after=timedelta(seconds=3))
    disposal.start(_spawn)
    assert disposal.finish(20)
    assert (queues.calls, shown) == ([["gone"]], [timedelta(seconds=3)])
