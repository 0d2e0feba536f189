"""Schedules in manifests: what they hold once read, and that they come back from JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from muster.manifest import Schedule, from_json, load_manifest, to_json, unbuilt

BOUNDED = """
every = "1h"
start = 2026-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
enabled = false
priority = "low"
params = { n = 1 }
jitter = "30s"
overlap = "queue"
missed = "all"
"""

SCHEDULES = [
    ('cron = "0 9 * * MON-FRI"', Schedule(name="a", cron="0 9 * * MON-FRI")),
    ('every = "1h30m"', Schedule(name="a", every=timedelta(minutes=90))),
    (
        'at = 2026-07-01T09:00:00\ntimezone = "Europe/Riga"',
        Schedule(name="a", at=datetime(2026, 7, 1, 6, tzinfo=UTC), timezone="Europe/Riga"),
    ),
    ("at = 2026-07-01T09:00:00+02:00", Schedule(name="a", at=datetime(2026, 7, 1, 7, tzinfo=UTC))),
    ('at = "2026-07-01T09:00:00"', Schedule(name="a", at=datetime(2026, 7, 1, 9, tzinfo=UTC))),
    (
        # A time that comes twice is its first coming
        'at = 2026-10-25T03:30:00\ntimezone = "Europe/Riga"',
        Schedule(name="a", at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), timezone="Europe/Riga"),
    ),
    (
        BOUNDED,
        Schedule(
            name="a",
            every=timedelta(hours=1),
            start=datetime(2026, 1, 1, tzinfo=UTC),
            end=datetime(2027, 1, 1, tzinfo=UTC),
            enabled=False,
            priority="low",
            params={"n": 1},
            jitter=timedelta(seconds=30),
            overlap="queue",
            missed="all",
        ),
    ),
]


@pytest.mark.parametrize(("toml", "schedule"), SCHEDULES, ids=lambda value: str(value)[:30])
def test_a_schedule_is_read_and_comes_back_from_json(
    toml: str, schedule: Schedule, write: Callable[..., Path]
):
    # Given a manifest with this schedule
    root = write(f'id = "tidy"\nversion = "1"\n[[schedule]]\nname = "a"\n{toml}')

    # When it is read
    manifest = load_manifest(root / "tidy")

    # Then it holds the schedule, in JSON too, and can be deployed
    assert manifest.schedules == (schedule,)
    assert from_json(to_json(manifest)) == manifest
    assert unbuilt(manifest) == []
