"""Slots: who gets one, for how long, and in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muster.store.slots import Slot
from tests.integration.slots.conftest import Gate
from tests.support.clerk import query


def test_as_many_have_a_slot_as_there_are(gate: Gate):
    # Given an agent that may do two things at once
    gate.capacity = 2
    # When three ask
    first, second = gate.gets(holder="a"), gate.gets(holder="b")
    gate.refused(holder="c")
    # Then the third gets the one that is given back
    assert {first.number, second.number} == {1, 2}
    gate.slots.release([first])
    assert gate.gets(holder="c").number == 1


def test_asking_again_under_the_same_name_renews_the_slot(gate: Gate):
    # Given a holder whose answer was lost
    first = gate.gets(holder="a", lease=timedelta(seconds=30))
    gate.skip(20)
    # When it asks again / Then it has the same slot for the whole time, and another still none
    assert gate.gets(holder="a", lease=timedelta(seconds=30)).number == first.number
    gate.skip(20)
    gate.refused(holder="b")


def test_the_slot_of_a_holder_that_is_gone_ends_with_its_lease(gate: Gate):
    gate.gets(holder="crashed", lease=timedelta(seconds=30))
    gate.skip(29)
    gate.refused(holder="b")
    gate.skip(2)
    gate.gets(holder="b")


def test_the_worker_never_believes_longer_in_its_slot_than_the_database(gate: Gate):
    asked = gate.slots._clock.monotonic()
    slot = gate.gets(holder="a", lease=timedelta(seconds=30))
    assert asked + 30 <= slot.ends <= gate.slots._clock.monotonic() + 30


def test_renewal_tells_who_still_has_a_slot(gate: Gate):
    # Given two holders, of which one is overdue and its slot taken by another
    gate.capacity = 2
    lost = gate.gets(holder="a", lease=timedelta(seconds=10))
    kept = gate.gets(holder="b", lease=timedelta(seconds=60))
    gate.skip(11)
    gate.gets(holder="c")
    # When both are renewed / Then one is lost, and releasing it frees nobody else's
    renewed = gate.slots.renew([lost, kept], lease=timedelta(seconds=90))
    assert [(slot.holder, slot.number) for slot in renewed] == [("b", kept.number)]
    assert renewed[0].ends > kept.ends
    gate.slots.release([lost])
    gate.refused(holder="d")


def test_nothing_is_asked_for_no_slot(gate: Gate):
    assert gate.slots.renew([], lease=timedelta(seconds=1)) == []
    gate.slots.release([])


def test_fewer_slots_than_before_wait_until_the_old_holders_are_done(gate: Gate):
    # Given three holders of an agent that is deployed again with one slot
    gate.capacity = 3
    held = [gate.gets(holder=name) for name in "abc"]
    gate.capacity = 1
    # When they are done one after another / Then the next begins after the last of them
    for slot in held:
        gate.refused(holder="d")
        gate.slots.release([slot])
    gate.gets(holder="d")


def test_agents_do_not_share_slots(gate: Gate):
    gate.gets()
    other = gate.slots.take(
        agent_id="other", lane="normal", holder="x", capacity=1, lease=timedelta(minutes=1)
    )
    assert isinstance(other, Slot)


def test_the_more_urgent_lane_goes_first_while_it_is_there(gate: Gate):
    # Given a busy slot that urgent and normal wait for
    slot = gate.gets("normal", "busy")
    gate.refused("normal")
    gate.refused("urgent")
    # When it is free / Then normal leaves it to urgent
    gate.slots.release([slot])
    gate.refused("normal")
    slot = gate.gets("urgent")
    # And takes the next one, since nobody urgent is asking any more
    gate.slots.release([slot])
    gate.gets("normal")


def test_a_slot_is_not_kept_for_an_urgent_lane_that_has_left(gate: Gate):
    slot = gate.gets("normal", "busy")
    gate.refused("urgent")
    gate.slots.release([slot])
    gate.refused("normal")
    gate.skip(2)
    gate.gets("normal")


def test_a_lane_that_waited_for_15_s_goes_before_a_more_urgent_one(gate: Gate):
    # Given low, refused for 15 s, and urgent, which asks all the time
    slot = gate.gets("urgent", "busy")
    gate.refused("low")
    for _ in range(5):
        gate.skip(3.1)
        gate.refused("low")
    gate.refused("urgent", "next")
    # When the slot is free / Then it is low's
    gate.slots.release([slot])
    gate.refused("urgent", "next")
    slot = gate.gets("low")
    # And its wait begins anew
    gate.slots.release([slot])
    gate.gets("urgent", "next")
    gate.refused("low", "another")
    gate.skip(1)
    gate.refused("urgent", "third")
    gate.slots.release([Slot(agent_id="tester", number=1, holder="next", ends=0)])
    gate.gets("urgent", "third")


def test_of_the_lanes_that_waited_too_long_the_longest_waiting_is_first(gate: Gate):
    slot = gate.gets("urgent", "busy")
    gate.refused("low")
    gate.skip(1)
    gate.refused("normal")
    for _ in range(5):
        gate.skip(3.1)
        gate.refused("low")
        gate.refused("normal")
    gate.slots.release([slot])
    gate.refused("normal")
    slot = gate.gets("low")
    gate.slots.release([slot])
    gate.gets("normal")


def test_within_a_lane_the_oldest_message_is_first_once_it_waited_for_15_s(gate: Gate):
    # Given two messages of low, of which the older one has waited for 15 s and is away for a moment
    slot = gate.gets("urgent", "busy")
    gate.refused("low", "older", age=60)
    for _ in range(5):
        gate.skip(3.1)
        gate.refused("low", "older", age=60)
        gate.refused("low", "younger", age=10)
    # When the slot is free and the younger one asks first / Then it is kept for the older one
    gate.slots.release([slot])
    gate.refused("low", "younger", age=10)
    gate.refused("urgent", "next")
    gate.gets("low", "older", age=60)


def test_the_oldest_message_is_not_waited_for_when_it_is_gone(gate: Gate):
    # Given a message of low that has waited for 15 s and is gone, and a younger one that asks all the time
    slot = gate.gets("urgent", "busy")
    for _ in range(6):
        gate.refused("low", "gone", age=60)
        gate.skip(3.1)
    gate.slots.release([slot])
    gate.refused("low", "younger", age=10)
    # When the older one has not come for longer than it was told / Then the younger one gets the slot
    gate.skip(10)
    gate.gets("low", "younger", age=10)


def test_what_nobody_asks_for_any_more_is_not_kept(gate: Gate):
    # Given low, which waited for long and does not come back: its messages are gone
    slot = gate.gets("urgent", "busy")
    gate.refused("low")
    gate.skip(4)
    wait = gate.refused("low")
    gate.skip(15)
    gate.slots.release([slot])
    # Then urgent gets the slot at once
    assert wait < 10
    gate.gets("urgent", "next")


def test_the_wait_grows_with_what_was_waited_and_has_a_bound(gate: Gate):
    gate.gets("urgent", "busy", lease=timedelta(hours=2))
    waits = [gate.refused("low")]
    for _ in range(40):
        gate.skip(waits[-1] + 3)
        waits.append(gate.refused("low"))
    assert waits[0] == pytest.approx(1)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(30)


def test_only_those_who_hold_or_wait_have_rows(gate: Gate):
    slot = gate.gets("normal", "a")
    gate.refused("low")
    gate.slots.release([slot])
    gate.slots.release([gate.gets("low")])
    assert query(gate.url, "SELECT * FROM agent_slot") == []
    assert query(gate.url, "SELECT * FROM agent_lane_wait") == []
