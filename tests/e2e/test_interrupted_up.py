"""`muster up` is killed or interrupted while it deploys, and the emulator while it has been deployed to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy, copy_checkout, until


@pytest.fixture
def fresh() -> Iterator[DeployedCopy]:
    """A copy that was never deployed."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-fresh-"))
    copy = copy_checkout(folder)
    try:
        yield copy
        copy.cloud.down()
        assert not copy.processes(), "left running after `down`"
    finally:
        copy.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGKILL, "Deploying"), (signal.SIGINT, "Deploying"), (signal.SIGINT, "synthesised")],
)
def test_a_first_up_that_ends_in_its_deploy_leaves_nothing(
    fresh: DeployedCopy, number: signal.Signals, moment: str
):
    # Given a first `up` in the middle of its deploy
    up = fresh.start("-m", "local.cli", "up")
    until(up, moment)
    # When it is killed, or interrupted from the terminal
    os.killpg(up.pid, number)
    told, _ = up.communicate(timeout=300)
    # Then neither cloud nor deploy is left
    fresh.wait_until_empty()
    # And an interrupt is said in a line, with the code for it
    if number is signal.SIGINT:
        assert up.returncode == 130
        assert "interrupted" in told
        assert "Traceback" not in told


def test_a_lost_emulator_is_deployed_anew_and_history_stays(deployed: DeployedCopy):
    # Given a finished job, and a cloud whose supervisor is killed, the emulator's memory with it
    deployed.muster(
        "send", "document-profile", "--job-id", "before-loss", "--params", '{"text": "a"}'
    )
    ended = "SELECT job_id FROM agent_job_execution WHERE job_id = %s AND status = 'completed'"
    wait_for(lambda: deployed.query(ended, "before-loss"), what="the first job's end")
    supervisor = deployed.cloud.state().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    deployed.wait_until_empty()
    told = deployed.muster("jobs", "list")
    assert told.returncode == 4
    assert "muster up" in told.stderr
    # When it is started again
    deployed.up()
    # Then the record is there, a copy of its job is known as such, and new jobs run
    for job_id in ("before-loss", "after-loss"):
        deployed.muster("send", "document-profile", "--job-id", job_id, "--params", '{"text": "a"}')
    wait_for(lambda: deployed.query(ended, "after-loss"), what="the second job's end")
    shown = json.loads(deployed.muster("jobs", "get", "before-loss", "--json").stdout)
    assert shown["status"] == "completed"
    kinds = "SELECT kind FROM execution_event WHERE execution_id = %s AND kind = 'duplicate'"
    wait_for(lambda: deployed.query(kinds, shown["execution_id"]), what="the copy told")
