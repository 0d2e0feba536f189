"""F29: a redrive or a purge that dies at any point is only run again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.endpoint.client import Endpoint, running_endpoint
from bench.failed_jobs import fail_jobs, outcome_counts
from muster.crashpoint import CRASHPOINTS
from tests.support.clerk import query
from tests.support.source import ROOT

POINTS = [name for name in CRASHPOINTS if name.startswith("redrive.")]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """SQS, in a process of its own."""
    with running_endpoint(latency=0) as endpoint:
        yield endpoint


def _redrive(url: str, endpoint: Endpoint, crashpoint: str = "") -> int:
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **({"MUSTER_CRASHPOINT": crashpoint} if crashpoint else {}),
    }
    command = (sys.executable, "-m", "muster.cli", "dlq", "redrive", "nothing", "--yes")
    return subprocess.run(
        [*command, "--hold", "300"], cwd=ROOT, env=environment, check=False, timeout=240
    ).returncode


@pytest.mark.parametrize("point", POINTS)
def test_fault_29_a_redrive_that_dies_at_any_point_is_run_again(
    database_url: str, endpoint: Endpoint, point: str
):
    # Given 25 letters
    lane, dead = (endpoint.create(f"{point}-{kind}") for kind in ("lane", "dead"))
    fail_jobs(database_url, endpoint.url, lane, dead, count=25)
    # When the command dies in its second batch, and is run again once what it held can be received
    assert _redrive(database_url, endpoint, f"{point}=exit@2") == 137
    endpoint.release(dead)
    left = endpoint.statistics(dead).visible
    assert _redrive(database_url, endpoint) == 0
    # Then every letter is on the lane, at most a batch of them twice, and none is in the DLQ
    assert left == {"redrive.after_delete": 5}.get(point, 15)
    assert endpoint.statistics(lane).visible == {"redrive.after_send": 35}.get(point, 25)
    assert endpoint.statistics(dead).visible == 0
    # And no row was touched: only a worker that takes the message changes it
    assert outcome_counts(database_url)["rows"] == 25
    assert query(database_url, "SELECT DISTINCT status FROM agent_job_execution") == [
        {"status": "failed"}
    ]
