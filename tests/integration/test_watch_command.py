"""`muster jobs watch`: one job until it is at rest, or everything as it happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from muster.cli.main import main
from tests.support.clerk import Clerk
from tests.support.waiting import wait_until

#: Sessions of this database that look for events.
_LISTENING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND query LIKE '%WITH bound%' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    """A worker at an empty ledger."""
    made = Clerk(database_url)
    yield made
    made.close()


def test_a_job_is_watched_from_its_beginning_until_it_is_at_rest(
    clerk: Clerk, database_url: str, capsys: pytest.CaptureFixture[str]
):
    # Given a job that runs, and somebody who watches it
    claim = clerk.take("j")
    codes: list[int] = []
    argv = ["jobs", "watch", "j", "--json"]
    watching = threading.Thread(
        target=lambda: codes.append(main(argv, environ={"DATABASE_URL": database_url}))
    )
    watching.start()
    # When another job comes, and this one is retried, claimed and completes
    clerk.take("another")
    clerk.settle(claim, "retried", delay=timedelta(0))
    clerk.settle(clerk.take("j"), "completed")
    watching.join(120)
    # Then it has shown all of that in order, once, and has ended well
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["job_id"], each["to_status"]) for each in shown] == [
        ("j", "running"),
        ("j", "pending"),
        ("j", "running"),
        ("j", "completed"),
    ]
    assert codes == [0]


def test_a_watch_of_everything_ends_after_as_many_events_as_are_wanted(
    clerk: Clerk, database_url: str, capsys: pytest.CaptureFixture[str]
):
    codes: list[int] = []
    argv = ["jobs", "watch", "--all", "--count", "2"]
    watching = threading.Thread(
        target=lambda: codes.append(main(argv, environ={"DATABASE_URL": database_url}))
    )
    watching.start()
    wait_until(lambda: clerk.query(_LISTENING))
    clerk.query("INSERT INTO agent_instance (instance_id, pid) VALUES ('i', 7)")
    clerk.take("j")
    watching.join(120)
    lines = capsys.readouterr().out.splitlines()
    assert codes == [0]
    assert "instance_registered  i" in lines[0]
    assert "tester  j  - -> running" in lines[1]
