"""Which lane is asked, for how much and how patiently."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_listener.polling_plan import LINGER, LONG_POLL, MOST_POLLS, Grant, PollingPlan

URLS = {"normal": "q-normal"}
THREE = {"urgent": "q-urgent", "normal": "q-normal", "low": "q-low"}


def granted(plan: PollingPlan, now: float) -> Grant:
    step = plan.next(now)
    assert isinstance(step, Grant), step
    return step


def test_an_idle_lane_has_one_long_poll_for_what_can_start():
    plan = PollingPlan(URLS, room=4)
    grant = granted(plan, 0)
    assert (grant.ask, grant.wait) == (4, LONG_POLL)
    assert plan.next(0) is None


def test_what_is_taken_is_not_asked_for_again():
    # Given room for four, three of which are taken
    plan = PollingPlan(URLS, room=4)
    assert plan.received(granted(plan, 0), 3, 1) == 3
    # Then one more is asked for, and with that nothing
    assert granted(plan, 2).ask == 1
    assert plan.next(2) is None


def test_nothing_is_asked_for_while_there_is_no_room():
    plan = PollingPlan(URLS, room=2)
    plan.received(granted(plan, 0), 2, 1)
    assert plan.next(5) is None
    plan.left(6)
    assert granted(plan, 6 + LINGER).ask == 1


def test_room_that_comes_back_in_pieces_is_given_out_together():
    # Given twenty places, all taken
    plan = PollingPlan(URLS, room=20)
    plan.received(granted(plan, 0), 10, 1)
    plan.received(granted(plan, 1), 10, 1)
    # When one comes back, a thread is woken, but waits for more
    assert plan.left(2) is True
    step = plan.next(2)
    assert isinstance(step, float)
    assert step == pytest.approx(LINGER)
    # And with enough of them it goes at once
    woken = [plan.left(2) for _ in range(9)]
    assert woken == [False] * 8 + [True]
    assert granted(plan, 2).ask == 10


def test_a_full_lane_is_asked_by_several_at_once_and_an_emptied_one_by_one():
    plan = PollingPlan(URLS, room=1000)
    first = granted(plan, 0)
    plan.received(first, 10, 1)
    grants = []
    while isinstance(step := plan.next(1), Grant):
        grants.append(step)
    assert len(grants) == MOST_POLLS
    assert [grant.wait for grant in grants[1:]] == [0] * (MOST_POLLS - 1)
    for grant in grants:
        plan.received(grant, 0, 2)
    assert granted(plan, 3).wait == LONG_POLL
    assert plan.next(3) is None


def test_idle_lanes_share_the_room():
    plan = PollingPlan(THREE, room=9)
    grants = [granted(plan, 0) for _ in range(3)]
    assert [(grant.lane.name, grant.ask) for grant in grants] == [
        ("urgent", 3),
        ("normal", 3),
        ("low", 3),
    ]


def test_with_less_room_than_lanes_the_surplus_is_refused():
    # Given one place and three lanes, each with a long poll
    plan = PollingPlan(THREE, room=1)
    grants = [granted(plan, 0) for _ in range(3)]
    # When two of them bring a message
    assert plan.received(grants[0], 1, 1) == 1
    # Then the second may not start
    assert plan.received(grants[1], 1, 1) == 0
    assert plan.next(1) is None


def test_lanes_that_overflow_get_their_weights_and_none_starves():
    # Given lanes that always have messages, and one place
    plan = PollingPlan(THREE, room=1)
    for grant in [granted(plan, 0) for _ in range(3)]:
        if plan.received(grant, 1, 0):
            plan.left(0)
    # When a thousand jobs of a tenth of a second run
    served: Counter[str] = Counter()
    now = 1.0
    for _ in range(1900):
        now += 0.1
        grant = granted(plan, now)
        served[grant.lane.name] += 1
        assert plan.received(grant, 1, now) == 1
        plan.left(now)
    # Then each got its share: 16, 2 and 1 of 19
    assert abs(served["urgent"] - 1600) < 20
    assert abs(served["normal"] - 200) < 20
    assert abs(served["low"] - 100) < 20


def test_long_jobs_do_not_keep_a_lane_waiting_for_its_share():
    # Given lanes that always have messages, one place, and jobs of a minute
    plan = PollingPlan(THREE, room=1)
    for grant in [granted(plan, 0) for _ in range(3)]:
        if plan.received(grant, 1, 0):
            plan.left(0)
    order = []
    now = 0.0
    for _ in range(12):
        now += 60
        grant = granted(plan, now)
        order.append(grant.lane.name)
        plan.received(grant, 1, now)
        plan.left(now)
    # Then every other turn goes to the one that has waited longest
    assert {"urgent", "normal", "low"} == set(order[:6])
    assert order.count("urgent") >= 5


def test_an_empty_lane_is_looked_at_each_second_while_another_overflows():
    plan = PollingPlan({"urgent": "u", "low": "l"}, room=2)
    urgent, low = granted(plan, 0), granted(plan, 0)
    plan.received(low, 0, 0)
    plan.received(urgent, 1, 0)
    plan.left(0.5)
    looked = []
    for tick in range(1, 31):
        grant = granted(plan, tick / 10)
        if grant.lane.name == "low":
            assert (grant.ask, grant.wait) == (1, 0)
            looked.append(tick / 10)
            plan.received(grant, 0, tick / 10)
        else:
            plan.received(grant, 1, tick / 10)
            plan.left(tick / 10)
    assert looked == [1.0, 2.0, 3.0]


def test_a_lane_that_fails_is_left_alone_and_the_others_go_on():
    plan = PollingPlan({"urgent": "u", "low": "l"}, room=4)
    urgent, low = granted(plan, 0), granted(plan, 0)
    plan.failed(urgent, 1, pause=5)
    plan.received(low, 2, 1)
    again = granted(plan, 2)
    assert again.lane.name == "low"
    assert plan.next(2) == 4, "when the other's pause is over"
    plan.received(again, 1, 3)
    assert granted(plan, 7).lane.name == "urgent"


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.integers(1, 40))
def test_never_more_than_the_room_is_taken(counts: list[int], room: int):
    plan = PollingPlan(THREE, room=room)
    under_way: list[Grant] = []
    now = 0.0
    for count in counts:
        now += 0.3
        while isinstance(step := plan.next(now), Grant):
            assert 1 <= step.ask <= 10
            under_way.append(step)
        if under_way:
            grant = under_way.pop(0)
            plan.received(grant, min(count, grant.ask), now)
        elif plan.taken:
            plan.left(now)
        assert 0 <= plan.taken <= room


def test_room_for_several_receives_is_asked_for_by_one_grant_where_the_lane_is_alone():
    # Given a lane with more messages than one receive takes
    plan = PollingPlan(URLS, room=60, at_once=4)
    plan.received(granted(plan, 0), 10, 1)
    # Then one receive waits for more to come, and one grant asks for as much of the rest as it may
    patient, rest, last = granted(plan, 2), granted(plan, 2), plan.next(2)
    assert (patient.ask, patient.receives, patient.wait) == (10, 1, LONG_POLL)
    assert (rest.ask, rest.receives, rest.wait) == (40, 4, 0)
    assert last is None
    # And what it takes comes back with its answer
    assert plan.received(rest, 25, 3) == 25
    assert plan.free == 15


def test_room_beyond_whole_receives_is_left_for_the_next_grant():
    # Given room for two receives and five messages
    plan = PollingPlan(URLS, room=45, at_once=8)
    plan.received(granted(plan, 0), 10, 1)
    assert granted(plan, 2).wait == LONG_POLL
    # Then five messages are not worth a receive of their own yet
    assert (granted(plan, 2).ask, plan.free) == (20, 5)


def test_lanes_beside_each_other_take_turns_by_single_receives():
    plan = PollingPlan(THREE, room=100, at_once=8)
    plan.received(granted(plan, 0), 10, 1)
    assert granted(plan, 1).receives == 1
    assert granted(plan, 1).ask <= 10


@given(st.lists(st.integers(0, 80), max_size=40), st.integers(1, 200), st.integers(1, 8))
def test_never_more_receives_than_allowed_are_under_way(
    answers: list[int], room: int, at_once: int
):
    plan = PollingPlan(URLS, room=room, at_once=at_once)
    under_way: list[Grant] = []
    now = 0.0
    for answer in answers:
        now += 1
        while isinstance(grant := plan.next(now), Grant):
            under_way.append(grant)
        assert sum(grant.receives for grant in under_way) <= MOST_POLLS
        assert sum(grant.ask for grant in under_way) + plan.taken <= room
        if under_way:
            grant = under_way.pop(0)
            plan.received(grant, min(answer, grant.ask), now)
        elif plan.taken:
            plan.left(now)
    assert plan.lanes[0].polls == sum(grant.receives for grant in under_way)
