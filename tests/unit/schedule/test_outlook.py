"""The coming times as people read them, with what clocks do to them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from muster.schedule.outlook import Outlook
from muster.schedule.rule import Rule


def _looks(expression: str, timezone: str, after: str, count: int) -> list[tuple[str, str]]:
    rule = Rule(kind="cron", expression=expression, timezone=timezone)
    start = datetime.fromisoformat(after)
    return [(look.local, look.note) for look in islice(Outlook(rule).after(start), count)]


@pytest.mark.parametrize(
    ("expression", "timezone", "after", "looks"),
    [
        (
            "30 2 * * *",
            "America/New_York",
            "2026-03-07T12:00:00+00:00",
            [
                ("2026-03-08T02:30:00", "skipped: clocks go from -05:00 to -04:00"),
                ("2026-03-09T02:30:00-04:00", "clocks changed from -05:00 to -04:00"),
                ("2026-03-10T02:30:00-04:00", ""),
            ],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00:00+00:00",
            [
                ("2026-11-01T01:30:00-04:00", "clocks show it twice; it fires the first time"),
                ("2026-11-02T01:30:00-05:00", "clocks changed from -04:00 to -05:00"),
            ],
        ),
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00+00:00",
            [
                ("2026-10-04T02:15:00", "skipped: clocks go from +10:30 to +11:00"),
                ("2026-10-05T02:15:00+11:00", "clocks changed from +10:30 to +11:00"),
            ],
        ),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00+00:00", [("2028-02-29T00:00:00+00:00", "")]),
    ],
)
def test_what_clocks_do_to_a_time_is_said(
    expression: str, timezone: str, after: str, looks: list[tuple[str, str]]
):
    assert _looks(expression, timezone, after, len(looks)) == looks


def test_times_between_two_moments_include_the_first_and_not_the_last():
    rule = Rule(kind="every", expression="1h")
    first, end = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (3, 5))
    assert [each.hour for each in Outlook(rule).between(first, end)] == [3, 4]


def test_a_rule_that_ends_has_no_further_times():
    rule = Rule(kind="at", expression="2026-01-01T00:00:00Z")
    assert list(Outlook(rule).after(datetime(2026, 1, 2, tzinfo=UTC))) == []
