"""`muster cost`: what it says of jobs that ran, against a calculation by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muster.cli import main
from muster.errors import RetryLater
from muster.job import Job
from tests.support.clerk import AGENT
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

#: One more than a hundred, of which some need a second attempt.
JOBS = 120
_MANIFEST = {"id": AGENT, "compute": "lambda", "memory": 2048, "architecture": "x86_64"}


class _Measured:
    """An agent that takes its time by the worker's clock, adds it up, and says how many tokens it used."""

    def __init__(self) -> None:
        self.clock: Timepiece | None = None
        self.seconds = 0.0
        self.attempts = 0

    def __call__(self, job: Job) -> dict[str, int]:
        assert self.clock is not None
        number = job.params["n"]
        taken = 0.2 + number % 7 * 0.3
        self.clock.skip(timedelta(seconds=taken))
        self.seconds += taken
        self.attempts += 1
        job.count(input_tokens=1000, output_tokens=100)
        if job.attempt == 1 and number % 10 == 0:
            raise RetryLater(after=1)
        return {"n": number}


@pytest.fixture
def ran(database_url: str) -> Iterator[_Measured]:
    """Jobs that have run, every tenth at its second attempt."""
    measured = _Measured()
    shop = Workshop(database_url, behaviour=measured)
    measured.clock = shop.clock
    shop.clock.stop()  # jobs take what they say, however slow this machine is
    shop.clerk.query("UPDATE agent_registry SET manifest = %s", json.dumps(_MANIFEST))
    for number in range(JOBS):
        shop.send(f"job-{number}", params={"n": number})
    shop.settle_down()
    yield measured
    shop.close()


def _muster(url: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> Any:
    code = main(["--json", *arguments], environ={"DATABASE_URL": url})
    told = capsys.readouterr()
    assert code == 0, told.err
    return json.loads(told.out)


def test_it_agrees_with_a_calculation_by_hand(
    ran: _Measured, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    # Given what tokens cost
    prices = tmp_path / "prices.json"
    prices.write_text('{"million_input_tokens": 3, "million_output_tokens": 15}')
    # When the cost of 120 jobs is asked for
    (row,) = _muster(database_url, "cost", AGENT, "--prices", str(prices), capsys=capsys)
    # Then it is that of a calculation by hand, attempts that failed included, within 5 %
    attempts = JOBS + JOBS // 10
    assert (row["jobs"], row["attempts"], ran.attempts) == (JOBS, attempts, attempts)
    compute = ran.seconds * 2 * 0.0000166667
    requests = attempts * (0.20 + 3 * 0.40) / 1_000_000
    tokens = attempts * (1000 * 3 + 100 * 15) / 1_000_000
    assert row["compute"] == pytest.approx(compute, rel=0.05)
    assert row["requests"] == pytest.approx(requests, rel=0.001)
    assert row["tokens"] == pytest.approx(tokens, rel=0.001)
    assert row["total"] == pytest.approx(compute + requests + tokens, rel=0.05)
    assert row["per_job"] == pytest.approx(row["total"] / JOBS)


def test_the_jobs_add_up_to_their_agent(
    ran: _Measured, database_url: str, capsys: pytest.CaptureFixture[str]
):
    (whole,) = _muster(database_url, "cost", capsys=capsys)
    parts = [
        _muster(database_url, "cost", "--job", f"job-{n}", capsys=capsys)[0] for n in range(JOBS)
    ]
    assert sum(part["attempts"] for part in parts) == whole["attempts"] == ran.attempts
    assert sum(part["total"] for part in parts) == pytest.approx(whole["total"], rel=0.001)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "tomorrow"], "not a duration"),
        (["--since", "0s"], "such as 24h"),
        (["--prices", "/nowhere.json"], "No such file"),
        (["--job", "nobody"], "There is no job nobody"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_is_refused_with_the_cure(
    database_url: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["cost", *arguments], environ={"DATABASE_URL": database_url}) in (2, 3)
    assert told in capsys.readouterr().err
