"""Times that passed without a tick: what fires of them, and who tells how many did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.schedules import Timetable

MINUTE = timedelta(minutes=1)
TENS = "*/10 * * * *"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fired:
    """The past times that fire; which they are depends on when the tick looks at the clock."""

    #: Past before the tick.
    least: list[datetime]
    #: Past after it.
    most: list[datetime]


def _away(timetable: Timetable, away: str, missed: str) -> Fired:
    """After so long without a tick: the past times that fire."""
    timetable.add(expression=TENS, missed=missed)
    timetable.change(f"next_at = date_trunc('hour', now()) - interval '{away}'")

    before = timetable.now()
    timetable.shop.tick()
    after = timetable.now()

    times = [fire["scheduled_for"] for fire in timetable.fires()]
    return Fired(
        least=[time for time in times if time <= before],
        most=[time for time in times if time <= after],
    )


@pytest.mark.parametrize(("away", "least"), [("3 hours", 18), ("3 days", 432)])
def test_fault_44_skip_fires_nothing_that_was_missed_and_counts_it(
    away: str, least: int, timetable: Timetable
):
    fired = _away(timetable, away, "skip")

    # Of the last two minutes, which are merely late, one time may fire
    assert all(timetable.now() - time < 3 * MINUTE for time in fired.least)
    row = timetable.row()
    assert least - 1 <= row["missed_count"] <= least + 6
    assert row["missed_at"] is not None
    assert timetable.shop.metrics.counts["Missed"] == row["missed_count"]
    # And the dispatcher's alarm has the sum over all agents
    assert timetable.shop.metrics.counts["MissedFires"] == row["missed_count"]


def test_fault_44_all_fires_what_was_missed_once_each(timetable: Timetable):
    fired = _away(timetable, "3 hours", "all").most

    assert len(fired) == len(set(fired)) >= 18
    assert {b - a for a, b in pairwise(fired)} == {10 * MINUTE}
    assert timetable.row()["missed_count"] == 0
    assert timetable.shop.metrics.counts["Missed"] == 0


def test_fault_44_all_is_capped_and_what_is_beyond_is_counted(timetable: Timetable):
    fired = _away(timetable, "3 days", "all")

    assert len(fired.least) <= 100 <= len(fired.most)
    assert timetable.row()["missed_count"] >= 432 - 100
    assert timetable.shop.metrics.counts["Missed"] == timetable.row()["missed_count"]


def test_a_new_schedule_has_missed_nothing(timetable: Timetable):
    """What came between its making and the first tick is late at most."""
    timetable.add(kind="every", expression="10s")
    timetable.change("effective_at = now() - interval '1 minute'")

    timetable.shop.tick()

    assert timetable.row()["missed_count"] == 0
