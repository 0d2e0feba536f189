"""What the dispatcher does with a schedule that is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muster.schedule.fire import fire_id
from muster.schedule.rule import Rule
from muster.schedule.step import Step, step

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TENS = Rule(kind="cron", expression="*/10 * * * *")


def decide(rule: Rule = TENS, **changes: Any) -> Step:
    """At noon, five minutes ahead, a schedule that took effect at eleven."""
    values: dict[str, Any] = {
        "next_at": NOON,
        "effective": NOON - 60 * MINUTE,
        "ready": True,
        "missed": "latest",
        "now": NOON,
        "horizon": NOON + 5 * MINUTE,
    }
    return step(rule, **{**values, **changes})


def test_what_comes_before_the_horizon_fires_now():
    assert decide(now=NOON - 4 * MINUTE, horizon=NOON + MINUTE) == Step(
        planned=NOON, next_at=NOON + 10 * MINUTE
    )


def test_what_comes_later_waits():
    assert decide(next_at=NOON + 10 * MINUTE) == Step(next_at=NOON + 10 * MINUTE)


def test_what_nobody_has_planned_counts_from_when_it_took_effect():
    # However late the first tick comes, the time in between is not lost
    assert decide(next_at=None, effective=NOON - MINUTE) == Step(
        planned=NOON, next_at=NOON + 10 * MINUTE
    )
    assert decide(next_at=None, effective=NOON) == Step(next_at=NOON + 10 * MINUTE)


def test_of_what_is_past_the_latest_fires():
    assert decide(next_at=NOON - timedelta(days=3), now=NOON + 9 * MINUTE) == Step(
        planned=NOON, next_at=NOON + 10 * MINUTE, missed=3 * 24 * 6
    )


def test_an_agent_that_takes_no_jobs_loses_what_is_past_and_keeps_what_is_ahead():
    assert decide(ready=False) == Step(next_at=NOON + 10 * MINUTE)
    assert decide(ready=False, now=NOON - MINUTE) == Step(next_at=NOON)


def test_a_one_off_has_no_next_time():
    once = Rule(kind="at", expression=NOON.isoformat())

    assert decide(once) == Step(planned=NOON)
    assert decide(once, next_at=None) == Step(planned=NOON)
    assert decide(once, next_at=None, effective=NOON) == Step()


def test_a_fire_is_named_by_what_makes_it_unique():
    berlin = datetime.fromisoformat("2026-01-31T10:00:00+01:00")
    one = {"name": "hourly", "generation": 1, "planned": berlin}

    assert fire_id(tenant="default", **one) == "schedule:hourly:1:2026-01-31T09:00:00Z"
    assert fire_id(tenant="acme", **one) == "schedule:acme/hourly:1:2026-01-31T09:00:00Z"
