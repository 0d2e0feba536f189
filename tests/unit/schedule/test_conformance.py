"""Cron by `tests/events/cron/conformance.json`: times to come, and where each expectation is from.

They were computed day by day from the calendar and the zone's data, without the code under test; those in UTC
agree with croniter too, but for days that begin with `*`, which it reads otherwise.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from muster.schedule.rule import Rule
from tests.support.source import ROOT

CASES: list[dict[str, Any]] = json.loads(
    (ROOT / "tests" / "events" / "cron" / "conformance.json").read_text()
)


def test_there_are_150_cases_and_each_says_where_it_is_from():
    asked = {(case["cron"], case["timezone"], case["after"]) for case in CASES}

    assert len(asked) == len(CASES) >= 150
    assert all(len(case["source"]) > 10 and case["next"] for case in CASES)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['cron']} {case['timezone']} {case['after']}"
)
def test_fault_46_cron_fires_when_its_sources_say(case: dict[str, Any]):
    rule = Rule(kind="cron", expression=case["cron"], timezone=case["timezone"])
    moment, found = datetime.fromisoformat(case["after"]), []

    for _ in case["next"]:
        moment = rule.next(after=moment)
        found.append(f"{moment:%Y-%m-%dT%H:%MZ}")

    assert found == case["next"]
