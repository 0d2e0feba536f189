"""Schedules while the stage takes no jobs: their times wait, and are missed ones when it does again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support.schedules import Timetable


def _past(timetable: Timetable, now: datetime) -> list[dict[str, Any]]:
    return [fire for fire in timetable.fires() if fire["scheduled_for"] <= now]


@pytest.mark.parametrize(
    ("policy", "fired", "missed"),
    [("skip", (0, 1), 17), ("latest", (1, 1), 17), ("all", (18, 25), 0)],
)
def test_times_that_pass_during_a_stop_are_treated_as_missed_ones(
    timetable: Timetable, policy: str, fired: tuple[int, int], missed: int
):
    # Given a schedule of every ten minutes, and a stop that has lasted for three hours
    timetable.add(expression="*/10 * * * *", missed=policy)
    timetable.change("next_at = date_trunc('hour', now()) - interval '3 hours'")
    timetable.shop.clerk.query(
        "INSERT INTO intake (stopped, reason, changed_by) VALUES (true, 'x', 'ann')"
    )
    before = timetable.row()["next_at"]
    # When the dispatcher ticks / Then nothing fires, and nothing is passed over either
    timetable.shop.tick()
    assert timetable.fires() == []
    assert (timetable.row()["next_at"], timetable.row()["missed_count"]) == (before, 0)
    # When the stage takes jobs again / Then the schedule's policy says what fires, the rest is counted
    timetable.shop.clerk.query("UPDATE intake SET stopped = false")
    before = timetable.now()
    timetable.shop.tick()
    after = timetable.now()
    # Whenever in between the tick looked at the clock
    assert fired[0] <= len(_past(timetable, after))
    assert len(_past(timetable, before)) <= fired[1]
    assert timetable.row()["missed_count"] >= missed
