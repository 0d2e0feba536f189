"""When schedules fire next: the rule of EventBridge at changes of the clock, and the calendar's corners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from muster.schedule.rule import EPOCH, BadRule, Rule

#: What, zone, after which moment (UTC), the next times there (UTC). Zone changes are those of the IANA data:
#: the sources name them.
CASES = [
    # New York: clocks go from 02:00 to 03:00 on 2026-03-08, from 02:00 back to 01:00 on 2026-11-01.
    ("30 2 * * *", "America/New_York", "03-07T12:00", ["03-09T06:30", "03-10T06:30"]),
    ("30 1 * * *", "America/New_York", "10-31T12:00", ["11-01T05:30", "11-02T06:30"]),
    ("0 * * * *", "America/New_York", "03-08T06:30", ["03-08T07:00", "03-08T08:00"]),
    ("0 * * * *", "America/New_York", "11-01T04:30", ["11-01T05:00", "11-01T07:00"]),
    ("*/30 * * * *", "America/New_York", "11-01T05:15", ["11-01T05:30", "11-01T07:00"]),
    ("30 2 8 3 *", "America/New_York", "01-01T00:00", ["2027-03-08T07:30"]),
    # Riga: from 03:00 to 04:00 on 2026-03-29, from 04:00 back to 03:00 on 2026-10-25.
    ("30 3 * * *", "Europe/Riga", "03-28T12:00", ["03-30T00:30", "03-31T00:30"]),
    ("0 3 * * *", "Europe/Riga", "10-24T12:00", ["10-25T00:00", "10-26T01:00"]),
    ("59 3 * * *", "Europe/Riga", "10-25T01:30", ["10-26T01:59"]),
    ("0 4 * * *", "Europe/Riga", "10-24T12:00", ["10-25T02:00", "10-26T02:00"]),
    # Cairo: from 00:00 to 01:00 on 2026-04-24, from 00:00 back to 23:00 on 2026-10-30: the day begins twice.
    ("0 0 * * *", "Africa/Cairo", "04-22T12:00", ["04-22T22:00", "04-24T21:00"]),
    ("30 0 * * *", "Africa/Cairo", "04-22T23:00", ["04-24T21:30"]),
    ("30 23 * * *", "Africa/Cairo", "10-29T12:00", ["10-29T20:30", "10-30T21:30"]),
    ("0 0 * * FRI", "Africa/Cairo", "04-17T12:00", ["04-30T21:00"]),
    # Lord Howe: half an hour, from 02:00 to 02:30 on 2026-10-04, from 02:00 back to 01:30 on 2026-04-05.
    ("15 2 * * *", "Australia/Lord_Howe", "10-02T20:00", ["10-04T15:15", "10-05T15:15"]),
    ("45 1 * * *", "Australia/Lord_Howe", "04-03T20:00", ["04-04T14:45", "04-05T15:15"]),
    ("*/15 * * * *", "Australia/Lord_Howe", "04-04T14:40", ["04-04T14:45", "04-04T15:30"]),
    # The calendar.
    ("0 0 29 2 *", "UTC", "01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ("0 12 29 2 MON", "UTC", "02-20T00:00", ["02-23T12:00", "2027-02-01T12:00"]),
    ("0 0 31 * *", "UTC", "03-31T00:00", ["05-31T00:00", "07-31T00:00"]),
    ("0 9 * * MON-FRI", "Europe/Berlin", "08-07T08:00", ["08-10T07:00", "08-11T07:00"]),
    ("0 0 1 jan,jul *", "UTC", "01-01T00:00", ["07-01T00:00", "2027-01-01T00:00"]),
    ("0 0 * * 7", "UTC", "08-01T00:00", ["08-02T00:00", "08-09T00:00"]),
    ("0 0 13 * 5", "UTC", "08-08T00:00", ["08-13T00:00", "08-14T00:00"]),
    ("0 0 */10 * 5", "UTC", "08-08T00:00", ["08-21T00:00", "2026-09-11T00:00"]),
    ("5/20 22 * * *", "UTC", "08-08T22:05", ["08-08T22:25", "08-08T22:45"]),
    ("30 5 * * *", "Asia/Kathmandu", "08-08T00:00", ["08-08T23:45"]),
]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text if text.startswith("20") else f"2026-{text}").replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(("expression", "zone", "after", "times"), CASES)
def test_fault_46_cron_skips_times_that_do_not_exist_and_fires_once_in_those_that_come_twice(
    expression: str, zone: str, after: str, times: list[str]
):
    rule = Rule(kind="cron", expression=expression, timezone=zone)
    moment, found = _moment(after), []

    for _ in times:
        moment = rule.next(after=moment)
        found.append(moment)

    assert found == [_moment(time) for time in times]


def test_a_moment_within_a_minute_has_the_next_minute():
    rule = Rule(kind="cron", expression="* * * * *")

    after = datetime(2026, 1, 1, 9, 0, 59, 999999, tzinfo=UTC)

    assert rule.next(after=after) == datetime(2026, 1, 1, 9, 1, tzinfo=UTC)
    assert rule.next(after=after.replace(second=0, microsecond=0)) == rule.next(after=after)


def test_a_rate_counts_from_its_start_or_else_from_1970():
    after = datetime(2026, 1, 1, 9, 3, tzinfo=UTC)
    start = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
    tens, hours = Rule(kind="every", expression="10m"), Rule(kind="every", expression="1h")

    assert tens.next(after=after) == after.replace(minute=10)
    assert tens.next(after=after.replace(minute=10)) == after.replace(minute=20)
    assert hours.next(after=EPOCH) == EPOCH + timedelta(hours=1)
    sevens = Rule(kind="every", expression="7h", start=start)
    assert sevens.next(after=after) == start + timedelta(hours=14)
    assert sevens.next(after=start - timedelta(days=1)) == start


def test_a_rate_does_not_know_of_clocks_that_change():
    """24 hours are 24 hours, over the night when New York's clocks change too."""
    rule = Rule(
        kind="every",
        expression="24h",
        timezone="America/New_York",
        start=datetime(2026, 3, 7, 14, tzinfo=UTC),
    )
    first = rule.next(after=datetime(2026, 3, 7, 15, tzinfo=UTC))
    assert first == datetime(2026, 3, 8, 14, tzinfo=UTC)


def test_a_one_off_comes_once_by_its_zone():
    rule = Rule(kind="at", expression="2026-07-01T09:00:00", timezone="Europe/Riga")
    moment = datetime(2026, 7, 1, 6, tzinfo=UTC)

    assert rule.next(after=moment - timedelta(days=400)) == moment
    assert rule.next(after=moment) is None


def test_start_and_end_belong_to_the_rule():
    start, end = datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 2, 9, tzinfo=UTC)
    rule = Rule(kind="cron", expression="0 9 * * *", start=start, end=end)

    assert rule.next(after=EPOCH) == start
    assert rule.next(after=start) == end
    assert rule.next(after=end) is None


@pytest.mark.parametrize(
    ("kind", "expression", "zone", "why"),
    [
        ("cron", "0 0 31 4 *", "UTC", "none of these months"),
        ("cron", "0 0 * * * *", "UTC", "five fields"),
        ("cron", "0 0 L * *", "UTC", "day of month 'L'"),
        ("cron", "0 0 * * *", "Mars/Base", "time zone 'Mars/Base' is not known"),
        ("every", "1s", "UTC", "at least 10s"),
        ("every", "daily", "UTC", "not a duration"),
        ("at", "tomorrow", "UTC", "2026-01-31T09:00:00"),
        ("at", "2026-03-29T03:30:00", "Europe/Riga", "clocks of Europe/Riga skip"),
        ("hourly", "1", "UTC", "one of cron, every, at"),
    ],
)
def test_a_rule_that_can_never_fire_says_why(kind: str, expression: str, zone: str, why: str):
    with pytest.raises(BadRule, match=why):
        Rule(kind=kind, expression=expression, timezone=zone)
