"""What happens to planned times that passed without a tick, by the policy of their schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from muster.schedule.past import COUNTED, past_times
from muster.schedule.rule import Rule
from muster.schedule.step import LATE, MOST_MADE_UP, Step, step

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TENS = Rule(kind="cron", expression="*/10 * * * *")
RULES = [TENS, Rule(kind="every", expression="10m")]


def _run(rule: Rule, missed: str, *, first: datetime, now: datetime) -> tuple[list[datetime], int]:
    """The times that fire until `now`, one step after another, and how many were counted as missed."""
    fired: list[datetime] = []
    count, next_at = 0, first
    while next_at is not None and next_at <= now:
        decided = step(
            rule,
            next_at=next_at,
            effective=first - MINUTE,
            ready=True,
            missed=missed,
            now=now,
            horizon=now,
        )
        fired += [decided.planned] if decided.planned else []
        count, next_at = count + decided.missed, decided.next_at
    return fired, count


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@pytest.mark.parametrize(
    ("missed", "minutes_ago", "fired", "count"),
    [
        # At 12:09 the last time was 12:00, nine minutes ago
        ("skip", 60, [], 7),
        ("latest", 60, [0], 6),
        ("all", 60, [-60, -50, -40, -30, -20, -10, 0], 0),
        ("skip", 0, [], 1),
        ("latest", 0, [0], 0),
        ("all", 0, [0], 0),
    ],
)
def test_fault_44_of_missed_times_the_policy_fires_none_the_last_or_all(
    rule: Rule, missed: str, minutes_ago: int, fired: list[int], count: int
):
    times, counted = _run(rule, missed, first=NOON - minutes_ago * MINUTE, now=NOON + 9 * MINUTE)

    assert times == [NOON + minutes * MINUTE for minutes in fired]
    assert counted == count


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_what_is_merely_late_fires_and_is_not_counted(missed: str):
    assert _run(TENS, missed, first=NOON, now=NOON + LATE) == ([NOON], 0)


def test_skip_fires_every_time_that_is_merely_late():
    tens = Rule(kind="every", expression="10s")

    fired, count = _run(tens, "skip", first=NOON - timedelta(hours=1), now=NOON)

    assert fired == [NOON - LATE + timedelta(seconds=10 * n) for n in range(13)]
    assert len(fired) + count == 361


@pytest.mark.parametrize("away", [timedelta(hours=3), timedelta(days=3), timedelta(days=30)])
def test_all_makes_up_the_last_hundred_and_counts_the_others(away: timedelta):
    every_minute = Rule(kind="cron", expression="* * * * *")

    fired, count = _run(every_minute, "all", first=NOON - away, now=NOON)

    assert fired == [NOON - n * MINUTE for n in reversed(range(MOST_MADE_UP))]
    assert count == min(away // MINUTE + 1, COUNTED) - MOST_MADE_UP


def test_all_makes_up_what_came_rarely():
    yearly = Rule(kind="cron", expression="0 0 29 2 *")
    first = datetime(2004, 2, 29, tzinfo=UTC)

    fired, count = _run(yearly, "all", first=first, now=NOON)

    assert [time.year for time in fired] == [2004, 2008, 2012, 2016, 2020, 2024]
    assert count == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_the_past_is_counted_from_its_first_time_to_its_last(rule: Rule):
    past = past_times(rule, first=NOON, until=NOON + 35 * MINUTE, most=2)

    assert past.total == 4
    assert past.last == (NOON + 20 * MINUTE, NOON + 30 * MINUTE)
    assert past_times(rule, first=NOON, until=NOON - MINUTE, most=2).total == 0
    assert past_times(rule, first=NOON, until=NOON, most=0).last == ()


def test_the_past_ends_with_its_rule():
    ended = Rule(kind="cron", expression="*/10 * * * *", end=NOON + 10 * MINUTE)

    assert past_times(ended, first=NOON, until=NOON + 60 * MINUTE, most=9).total == 2


def test_a_one_off_that_was_missed_fires_unless_it_is_to_be_skipped():
    once = Rule(kind="at", expression=NOON.isoformat())
    late = NOON + timedelta(hours=3)

    assert _run(once, "latest", first=NOON, now=late) == ([NOON], 0)
    assert _run(once, "all", first=NOON, now=late) == ([NOON], 0)
    assert _run(once, "skip", first=NOON, now=late) == ([], 1)


def test_what_fell_due_while_the_agent_took_no_jobs_is_not_missed():
    decided = step(
        TENS,
        next_at=NOON,
        effective=NOON,
        ready=False,
        missed="all",
        now=NOON + 60 * MINUTE,
        horizon=NOON + 65 * MINUTE,
    )

    assert decided == Step(next_at=NOON + 70 * MINUTE)
