"""The agent in real processes, with S3 of the emulator: killed without a warning, and several at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muster.isolation.in_process import InProcess
from tests.integration.ledger_posting.conftest import Upload
from tests.support.barred import Bar
from tests.support.bookkeeping import FOLDER, Desk, balances_of, csv_line, numbered
from tests.support.clerk import query
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow

#: `start(job_id, params)`: a worker process at this job.
Start = Callable[[str, dict[str, str]], "subprocess.Popen[str]"]


@pytest.fixture
def start(desk: Desk, environ: dict[str, str]) -> Iterator[Start]:
    query(desk.url, "CREATE TABLE saved (job_id text PRIMARY KEY, state jsonb)")
    started: list[subprocess.Popen[str]] = []

    def make(job_id: str, params: dict[str, str]) -> subprocess.Popen[str]:
        program = [sys.executable, "-m", "tests.support.bookkeeper", desk.url, job_id]
        started.append(
            subprocess.Popen(
                [*program, json.dumps(params)],
                cwd=ROOT,
                env=environ,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.communicate()


def _holds(desk: Desk, transactions: int) -> bool:
    return desk.count("transaction") >= transactions


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    return json.loads(out)


def test_a_worker_that_is_killed_leaves_nothing_undone_or_done_twice(
    desk: Desk, start: Start, upload: Upload
):
    """S5, I2, F1: kill -9 three times in the middle of a file."""
    # Given a file of four pieces of S3
    lines = [csv_line(n, cents=100 + n % 991, description="x" * 900) for n in range(4000)]
    params = upload("ledger/a.csv", lines)
    # When its worker is killed whenever it has come some way further, to where it cannot go on
    bar = Bar(desk.url)
    for _ in range(3):
        enough = desk.count("transaction") + 300
        bar.move(enough + 100)
        worker = start("job-1", params)
        wait_until(partial(_holds, desk, enough), within=300)
        worker.kill()
        worker.wait()
    bar.lift()
    cut = desk.count("transaction")
    assert cut < 4000
    # And another version is dropped meanwhile
    upload("ledger/a.csv", [csv_line(9, cents=1)])
    # Then the last one ends what they began, and counts it once
    result = result_of(start("job-1", params))
    assert (result["records"], result["posted"], result["rejected"]) == (4000, 4000, 0)
    assert desk.balances() == balances_of(lines)
    [resumed] = query(desk.url, "SELECT (state->'place'->>'line')::int AS line FROM saved")
    assert resumed["line"] > 300


def test_it_runs_unchanged_in_a_process_of_its_own(
    desk: Desk, environ: dict[str, str], upload: Upload, tmp_path: Path
):
    # Given a worker that gives each job a process, without a password, and little memory
    caller = InProcess(FOLDER, environ=environ, memory_bytes=192 * 1024 * 1024, parent=tmp_path)
    lines = [csv_line(n, description="x" * 900) for n in range(3000)]
    params = upload("ledger/a.csv", lines)
    # When a job comes / Then it is posted, and its checkpoints reach the worker
    ended = caller.call(desk.job(params, id="job-1"), limit=timedelta(minutes=10))
    assert ended.error is None
    assert ended.result["posted"] == 3000
    assert desk.states["job-1"]["object"]["version_id"] == params["version_id"]
    assert desk.counters == {"itemsProcessed": 3000}
    assert desk.balances() == balances_of(lines)


def test_workers_with_the_same_transactions_at_once_post_each_once(
    desk: Desk, start: Start, upload: Upload
):
    """I2, F16: a job in two processes, and other files with the same ids in another order."""
    # Given a file, its reverse, and one with other content for every tenth id
    lines = numbered(1500)
    changed = [csv_line(n, cents=5) if n % 10 == 0 else line for n, line in enumerate(lines)]
    jobs = {
        "same": upload("ledger/a.csv", lines),
        "reverse": upload("ledger/b.csv", lines[::-1]),
        "changed": upload("ledger/c.csv", changed),
    }
    # When all of them run at once, one of them twice
    running = [start(name, params) for name, params in [*jobs.items(), ("same", jobs["same"])]]
    results = [result_of(process) for process in running]
    # Then each transaction was posted once, and every line has its answer
    assert desk.count("transaction") == 1500
    for result in results:
        answers = [result[name] for name in ("posted", "already_posted", "conflicts")]
        assert sum(answers) == result["records"] == 1500
        assert result["rejected"] == 0
    same, reverse, other, twin = results
    assert same["posted"] == twin["posted"]
    assert same["posted"] + reverse["posted"] + other["posted"] == 1500
    assert same["conflicts"] + other["conflicts"] == 150
    assert reverse["conflicts"] == same["conflicts"]
