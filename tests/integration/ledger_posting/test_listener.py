"""The agent in the listener that it is deployed with: a real process, killed in the middle of a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.ledger_posting.conftest import Upload
from tests.support.barred import Bar
from tests.support.bookkeeping import FOLDER, Desk, balances_of, csv_line
from tests.support.clerk import AGENT
from tests.support.listening import Rig, queue_server
from tests.support.sqs_faults import SqsFaults
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

#: Seconds of a hold: a listener may stand still for longer than with that of the rig.
HOLD = "8"
OFTEN = {"batch_lines": 20, "checkpoint_lines": 100}


class LedgerRig(Rig):
    """A rig whose agent is this one."""

    def agent(self, **_: object) -> None:
        """Copy the agent's folder, under the name of the rig's agent."""
        folder = self._folder / AGENT
        shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("test_*", "__pycache__"))
        manifest = (folder / "agent.toml").read_text("utf-8")
        (folder / "agent.toml").write_text(manifest.replace('"ledger-posting"', f'"{AGENT}"'))


@pytest.fixture
def rig(books_url: str, tmp_path: Path) -> Iterator[Rig]:
    with queue_server() as endpoint, SqsFaults(endpoint.url) as sqs:
        made = LedgerRig(
            url=books_url, endpoint=endpoint, sqs=sqs, folder=tmp_path, listener_url=None
        )
        yield made
        made.close()


def _holds(desk: Desk, transactions: int) -> bool:
    return desk.count("transaction") >= transactions


def test_a_listener_that_is_killed_is_followed_by_one_that_resumes(
    rig: Rig, desk: Desk, upload: Upload, environ: dict[str, str]
):
    """S5, F1: kill -9 of the listener, twice; leases, checkpoints and statements are the deployed ones."""
    # Given a large file in the bucket, and a job for it
    lines = [csv_line(n, cents=100 + n % 991, description="x" * 300) for n in range(5000)]
    envelope = {
        "muster": 1,
        "job_id": "j",
        "params": upload("ledger/a.csv", lines),
        "config": OFTEN,
    }
    rig.send_bodies(json.dumps(envelope))
    rig.accepted.append("j")
    s3 = {"AWS_ENDPOINT_URL_S3": environ["AWS_ENDPOINT_URL"]}
    # When two listeners are killed in the middle of it, where they cannot go on
    bar = Bar(desk.url)
    for _ in range(2):
        enough = desk.count("transaction") + 300
        bar.move(enough + 100)
        listener = rig.start(visibility_seconds=HOLD, **s3)
        wait_until(partial(_holds, desk, enough), within=300)
        listener.kill()
    bar.lift()
    assert desk.count("transaction") < 5000
    # Then the third one ends it, and the books hold each transaction once
    rig.start(visibility_seconds=HOLD, **s3)
    row = rig.becomes("j", "completed", within=300)
    assert (row["result"]["posted"], row["result"]["rejected"]) == (5000, 0)
    assert row["attempts"] == 3
    assert desk.balances() == balances_of(lines)
    rig.at_rest(within=120)
    assert rig.problems() == []
