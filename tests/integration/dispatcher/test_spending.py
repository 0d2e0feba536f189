"""Intake stops when a month's jobs have cost what the stage lets them, and goes on by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from muster.cli import main
from muster.cost.prices import Prices
from muster.intake.limit import IntakeLimit
from muster.job import Job
from tests.support.clerk import AGENT
from tests.support.moments import moment
from tests.support.timepiece import Timepiece
from tests.support.waiting import wait_until
from tests.support.worker import Workshop

_MANIFEST = {"id": AGENT, "compute": "lambda", "memory": 2048, "architecture": "x86_64"}
_PRICES = {"million_input_tokens": 3, "million_output_tokens": 15}
#: Of one job: two seconds of two GiB, an attempt, and its tokens.
_ONE = 2 * 2 * 0.0000166667 + (0.20 + 3 * 0.40) / 1e6 + (1000 * 3 + 100 * 15) / 1e6

_MONTH_OF = "date_trunc('month', ({}) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
_MONTH = _MONTH_OF.format("now()")


@pytest.fixture
def shop(database_url: str) -> Iterator[Workshop]:
    """An agent whose jobs take two seconds and some tokens; without a limit yet."""

    def works(job: Job) -> None:
        made.clock.skip(timedelta(seconds=2))
        job.count(input_tokens=1000, output_tokens=100)

    # How long it really takes costs nothing here.
    with closing(Workshop(database_url, behaviour=works, clock=Timepiece(stopped=True))) as made:
        wait_until(lambda: _in_midst_of_a_month(made), within=300)
        made.clerk.query("UPDATE agent_registry SET manifest = %s", json.dumps(_MANIFEST))
        yield made


def _in_midst_of_a_month(shop: Workshop) -> bool:
    """Whether none ends within the minutes that a test may take."""
    [row] = shop.clerk.query(
        f"SELECT {_MONTH_OF.format('now() + interval %s')} = {_MONTH} AS midst", "3 minutes"
    )
    return row["midst"]


def _run(shop: Workshop, *job_ids: str) -> None:
    shop.send(*job_ids)
    shop.deliver()


def _limit(shop: Workshop, jobs: float) -> None:
    """What so many jobs cost is the limit from the next tick on."""
    shop.intake_limit = IntakeLimit(monthly_usd=jobs * _ONE, prices=Prices.changed(_PRICES))


def _tick(shop: Workshop) -> dict[str, Any]:
    """The dispatcher ticks; intake after that."""
    assert "spending" in (report := shop.tick()).done, report
    return _intake(shop)


def _intake(shop: Workshop) -> dict[str, Any]:
    [row] = shop.clerk.query(
        "SELECT i.*, EXISTS (SELECT FROM intake_stopped_v1) AS closed,"
        " (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'"
        " AS month_ends FROM (SELECT true) AS always LEFT JOIN intake i ON true"
    )
    return row


def _later(shop: Workshop) -> None:
    """Let the minutes pass for which a look and a count are fresh."""
    shop.clerk.query("UPDATE intake SET checked_at = checked_at - interval '6 minutes'")
    shop.clerk.query("UPDATE intake_hour SET counted_at = counted_at - interval '1 day'")


def _metered(shop: Workshop, job_id: str, created: str, seconds: float) -> None:
    """A job that ran, asked for at a time that SQL says."""
    shop.clerk.query(
        "INSERT INTO agent_job_execution (job_id, agent_id, agent_version, status, attempts, created_at,"
        " started_at, completed_at, metrics, relay_after)"
        f" VALUES (%s, %s, '1.0.0', 'completed', 1, {created}, now(), now(), %s, NULL)",
        job_id,
        AGENT,
        json.dumps({"executionTime": seconds * 1000}),
    )


def test_what_was_metered_is_what_the_command_says(
    shop: Workshop, database_url: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
):
    # Given jobs that ran, and a limit that is far away
    _run(shop, "a", "b", "c")
    _limit(shop, 100)
    # When the dispatcher ticks
    spent = _tick(shop)["spent_usd"]
    # Then it has found what `muster cost` says, which is what a calculation by hand says
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(_PRICES))
    given = ["--json", "cost", AGENT, "--prices", str(prices)]
    assert main(given, environ={"DATABASE_URL": database_url}) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert spent == pytest.approx(row["total"], rel=1e-4)
    assert spent == pytest.approx(3 * _ONE, rel=0.001)
    # And the doors are open
    assert not _intake(shop)["closed"]


def test_a_limit_that_is_reached_closes_the_doors_for_the_month_and_says_so(
    shop: Workshop, caplog: pytest.LogCaptureFixture
):
    # Given two jobs, and a limit that they reach
    _run(shop, "a", "b")
    _limit(shop, 1.9)
    # When the dispatcher ticks
    row = _tick(shop)
    # Then intake is stopped by the budget until the month ends, and the reason has both figures
    assert (row["closed"], row["changed_by"], row["ends_at"]) == (True, "budget", row["month_ends"])
    assert "$ were metered this month" in row["reason"]
    assert "intake stopped" in caplog.messages
    # And what had been taken still runs
    _run(shop, "c")
    ended = shop.clerk.query("SELECT status FROM agent_job_execution WHERE job_id = 'c'")
    assert ended == [{"status": "completed"}]


def test_executions_are_read_again_only_after_minutes(shop: Workshop):
    # Given a look that is fresh
    _run(shop, "a")
    _limit(shop, 100)
    before = _tick(shop)
    # When a job ends and the dispatcher ticks within the minutes, nothing is counted
    _run(shop, "b")
    again = _tick(shop)
    assert (again["spent_usd"], again["checked_at"]) == (before["spent_usd"], before["checked_at"])
    # When they have passed, it is
    _later(shop)
    assert _tick(shop)["spent_usd"] == pytest.approx(2 * _ONE, rel=0.001)


def test_only_what_was_asked_for_this_month_counts_and_old_hours_are_forgotten(shop: Workshop):
    with moment(shop) as standing:
        now = f"timestamptz '{standing}'"
        # Given jobs of the last month's last second, of this month's first, and of now
        _metered(shop, "old", f"{_MONTH} - interval '1 second'", 1000)
        _metered(shop, "first", _MONTH, 2)
        _metered(shop, "now", now, 2)
        shop.clerk.query(
            f"INSERT INTO intake_hour (hour, usage) VALUES ({_MONTH} - interval '1 hour', '[]')"
        )
        # When it is counted
        _limit(shop, 100)
        _tick(shop)
    compute = 4 * 2 * 0.0000166667 + 2 * 1.4 / 1e6
    assert _intake(shop)["spent_usd"] == pytest.approx(compute, rel=0.001)
    # Then each hour of the month has its count, and none before
    [hours] = shop.clerk.query(
        f"SELECT min(hour) = {_MONTH} AS first,"
        f" count(*) = floor(extract(epoch FROM {now} - {_MONTH}) / 3600) + 1 AS each FROM intake_hour"
    )
    assert hours == {"first": True, "each": True}


@pytest.mark.parametrize("jobs", [2.1, None], ids=["raised", "removed"])
def test_intake_goes_on_at_the_next_tick_when_the_limit_is_raised_or_removed(
    shop: Workshop, jobs: float | None, caplog: pytest.LogCaptureFixture
):
    # Given a stop by the budget
    _run(shop, "a", "b")
    _limit(shop, 1.9)
    assert _tick(shop)["closed"]
    # When a deploy raises the limit, or removes it
    if jobs is None:
        shop.intake_limit = None
    else:
        _limit(shop, jobs)
    # Then the next tick opens the doors, fresh as the last look was
    row = _tick(shop)
    assert (row["stopped"], row["closed"], row["changed_by"]) == (False, False, "budget")
    assert "intake resumed" in caplog.messages


def test_a_stop_is_over_with_its_month_before_anybody_ticks(shop: Workshop):
    # Given a stop whose month has ended, and nothing metered in the new one
    _limit(shop, 1)
    _tick(shop)
    shop.clerk.query(
        "UPDATE intake SET stopped = true, changed_by = 'budget', ends_at = now() - interval '1 second'"
    )
    # Then the doors are open already, and the next look writes it down
    assert not _intake(shop)["closed"]
    _later(shop)
    assert not _tick(shop)["stopped"]


def test_what_a_person_has_stopped_the_budget_leaves_stopped(shop: Workshop):
    shop.clerk.query("INSERT INTO intake (stopped, reason, changed_by) VALUES (true, 'x', 'ann')")
    _limit(shop, 100)
    row = _tick(shop)
    assert (row["closed"], row["changed_by"], row["reason"]) == (True, "ann", "x")
