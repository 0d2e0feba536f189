"""No job has a slot for longer than its process can prove."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from ecs_listener.holding import StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.slot_keeper import REUSE, SPARE, SlotKeeper
from ecs_listener.supervision import Supervision
from ecs_listener.telling import Telling
from muster.store.slots import Slot
from tests.support.held import holding, parcel
from tests.support.timepiece import Timepiece


class OneSlot:
    """Slots of which each holder gets one; they count what they are asked."""

    def __init__(self, clock: Timepiece) -> None:
        self.taken: list[str] = []
        self.released: list[str] = []
        self._clock = clock

    def take(self, *, holder: str, lease: timedelta, **_: Any) -> Slot:
        self.taken.append(holder)
        ends = self._clock.monotonic() + lease.total_seconds()
        return Slot(agent_id="tester", number=1, holder=holder, ends=ends)

    def release(self, slots: list[Slot]) -> None:
        self.released += [slot.holder for slot in slots]


def test_a_slot_serves_the_next_message_for_a_few_seconds_only():
    # Given a slot that one message has left
    clock = Timepiece(stopped=True)
    slots, keeper = _keeper(clock, lease=120)
    first, second, third = parcel(1), parcel(2), parcel(3)
    assert keeper.take(first) is None
    keeper.release(first)
    # Then the next one has it without asking
    assert keeper.take(second) is None
    assert slots.taken == ["task:1"]
    # And the next but one, after a while, has to stand in line like everybody
    clock.sleep(REUSE)
    keeper.release(second)
    assert keeper.take(third) is None
    assert slots.taken == ["task:1", "task:2"]
    keeper.look()
    assert slots.released == ["task:1"]


def test_a_slot_that_is_about_to_end_serves_nobody_else():
    # Given a slot with a short lease, which is almost over when its message leaves it
    clock = Timepiece(stopped=True)
    slots, keeper = _keeper(clock, lease=4)
    first, second = parcel(1), parcel(2)
    assert keeper.take(first) is None
    clock.sleep(3.9)
    keeper.release(first)
    # Then the next message gets one of its own
    assert keeper.take(second) is None
    assert slots.taken == ["task:1", "task:2"]


def test_a_slot_that_nobody_wants_is_given_back_soon():
    clock = Timepiece(stopped=True)
    slots, keeper = _keeper(clock, lease=120)
    only = parcel(1)
    keeper.take(only)
    keeper.release(only)
    keeper.look()
    assert slots.released == []
    clock.sleep(SPARE)
    keeper.look()
    assert slots.released == ["task:1"]


def test_a_job_whose_slot_could_not_be_renewed_is_stopped_before_another_has_it():
    # Given a running job whose lease was renewed, and its slot was not
    clock = Timepiece(stopped=True)
    _, keeper = _keeper(clock, lease=60)
    holdings = Holdings(left=lambda: None, dispose=lambda _parcel, _fate: None)
    held = holding(holdings, proven_until=clock.monotonic() + 1000)
    keeper.take(held.parcel)
    supervision = Supervision(
        limit=timedelta(hours=1),
        hold=timedelta(seconds=60),
        holdings=holdings,
        clock=clock,
        telling=_telling(),
        slot_ends=keeper.ends,
    )
    clock.sleep(50)
    supervision.look()
    assert held.stop is None
    # When the slot is about to end
    clock.sleep(6)
    supervision.look()
    # Then the job is stopped, and nothing is written of it
    assert held.stop is StopReason.LEASE_LOST


def _keeper(clock: Timepiece, *, lease: float) -> tuple[OneSlot, SlotKeeper]:
    slots = OneSlot(clock)
    given: dict[str, Any] = {"slots": slots}
    keeper = SlotKeeper(
        agent_id="tester",
        capacity=1,
        holder="task",
        lease=timedelta(seconds=lease),
        clock=clock,
        telling=_telling(),
        **given,
    )
    return slots, keeper


def _telling() -> Telling:
    return Telling(log=logging.getLogger("silent"), metrics=ListenerMetrics())
