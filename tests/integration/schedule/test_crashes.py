"""A dispatcher that dies while it fires: the fire is neither lost nor made twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muster.crashpoint import CrashPointReached
from tests.support.arming import armed
from tests.support.schedules import Timetable, seldom


@pytest.mark.parametrize(("place", "sent"), [("fire.before_send", 0), ("fire.after_send", 1)])
def test_fault_43_a_dispatcher_that_dies_at_its_send_loses_no_fire_and_makes_none_twice(
    place: str, sent: int, timetable: Timetable
):
    # Given a dispatcher that dies before or after it sends
    shop = timetable.shop
    timetable.add(kind="every", expression=seldom())
    timetable.change("next_at = now() + interval '30 seconds'")
    with armed(place), pytest.raises(CrashPointReached):
        shop.tick()
    # Then the fire is recorded, its message perhaps not sent
    [fire] = timetable.fires()
    assert fire["status"] == "pending"
    assert len(timetable.messages()) == sent
    shop.accepted.append(fire["job_id"])

    # When time passes, and other dispatchers tick
    for _ in range(4):
        shop.skip(timedelta(minutes=1))
        shop.tick(holder="another")
        shop.deliver()

    # Then it ran once
    assert [fire["status"] for fire in timetable.fires()] == ["completed"]
    assert shop.problems(at_rest=True) == []
