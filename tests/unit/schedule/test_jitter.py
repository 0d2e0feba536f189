"""Jitter spreads the fires of a storm, each always to the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from muster.schedule.jitter import start_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)


def test_fault_47_a_storm_is_spread_over_its_jitter():
    starts = [start_of(NOON, job_id=f"schedule:s{n}:1:t", jitter=TEN_MINUTES) for n in range(5000)]

    # Each tenth of the time has about a tenth of the fires
    tenths = [(start - NOON) * 10 // TEN_MINUTES for start in starts]
    assert set(tenths) == set(range(10))
    assert all(400 <= tenths.count(tenth) <= 600 for tenth in range(10))


def test_a_fire_starts_at_the_same_moment_whoever_fires_it():
    first = start_of(NOON, job_id="schedule:a:1:t", jitter=TEN_MINUTES)

    assert first == start_of(NOON, job_id="schedule:a:1:t", jitter=TEN_MINUTES)
    assert first != start_of(NOON, job_id="schedule:b:1:t", jitter=TEN_MINUTES)
    assert start_of(NOON, job_id="schedule:a:1:t", jitter=timedelta(0)) == NOON
