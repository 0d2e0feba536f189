"""The database's clock jumps: no planned time fires a second time, and none is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.clerk import query
from tests.support.invariants import history_holds
from tests.support.schedules import Timetable
from tests.support.worker import Workshop

MINUTE = timedelta(minutes=1)

# What stands before pg_catalog in the search path is found first: every `now()` of ledger and dispatcher.
_CLOCK = """
CREATE TABLE clock (shift interval NOT NULL);
INSERT INTO clock VALUES ('0');
GRANT SELECT ON clock TO muster_worker, muster_dispatcher;
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + shift FROM public.clock';
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + shift FROM public.clock';
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
END $$;
"""


@pytest.fixture
def shifted(database_url: str) -> Iterator[Timetable]:
    """A timetable on a database whose clock can be set."""
    query(database_url, _CLOCK)
    shop = Workshop(database_url)
    yield Timetable(shop)
    problems = history_holds(shop.clerk.query)
    shop.close()
    assert problems == []


def _set(timetable: Timetable, shift: str) -> None:
    timetable.shop.clerk.query("UPDATE clock SET shift = %s::interval", shift)


def _times(timetable: Timetable) -> Counter[datetime]:
    return Counter(fire["scheduled_for"] for fire in timetable.fires())


def test_fault_45_a_clock_that_goes_back_an_hour_fires_no_time_again(shifted: Timetable):
    # Given fires of the next minutes
    shifted.add()
    shifted.shop.tick()
    fired, row = _times(shifted), shifted.row()
    assert len(fired) >= 5

    # When the clock goes back, and forward again
    for shift in ("-1 hour", "-30 minutes", "0"):
        _set(shifted, shift)
        shifted.shop.tick()

    # Then nothing fired that had fired, or before its time
    assert shifted.row()["next_at"] >= row["next_at"]
    assert set(_times(shifted).values()) == {1}
    assert min(_times(shifted)) == min(fired)


def test_fault_45_a_clock_that_runs_ahead_and_is_set_right_fires_no_time_again(shifted: Timetable):
    shifted.add(missed="all")
    shifted.shop.tick()
    first = min(_times(shifted))

    for shift in ("1 hour", "0", "1 hour", "65 minutes"):
        _set(shifted, shift)
        shifted.shop.tick()

    times = sorted(_times(shifted))
    assert set(_times(shifted).values()) == {1}
    assert times == [first + n * MINUTE for n in range(len(times))]
    assert len(times) >= 65


def test_fault_45_a_clock_that_trembles_around_a_tick_fires_each_time_once(shifted: Timetable):
    shifted.add(kind="every", expression="10s")

    for shift in (0, 20, -20, 40, -40, 15, -5, 60, 10, 30):
        _set(shifted, f"{shift} seconds")
        shifted.shop.tick()

    times = sorted(_times(shifted))
    assert set(_times(shifted).values()) == {1}
    # None is left out either
    assert {b - a for a, b in pairwise(times)} == {timedelta(seconds=10)}
    assert len(times) >= 34
