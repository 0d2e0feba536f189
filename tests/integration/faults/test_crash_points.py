"""Every place where a process may die, in every way to die, in real processes on real parts.

After each death the messages come back and the leases end, as they would with time; then a healthy worker
and dispatcher go on, and the invariants must hold.
"""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from muster.crashpoint import CRASHPOINTS
from tests.support.clerk import query
from tests.support.emulator import EmulatedCloud
from tests.support.mortal import RAISED, Hospice, Life, SqsWorkshop, sqs_client, wait_until_stopped
from tests.support.waiting import wait_until

JOBS = ("first", "never", "second", "last")
#: Who passes a crash point, by the first part of its name.
ROLES = {
    "claim": "worker",
    "run": "worker",
    "settle": "worker",
    "dead_letter": "worker",
    "rescue": "dispatcher",
    "relay": "dispatcher",
}
#: Points of duties that have tests of their own.
ELSEWHERE = {"fire", "redrive", "purge"}
#: Points at which a worker holds claims that it has not settled.
HOLDING = {"claim.after", "run.before", "run.after", "settle.before"}
POINTS = [name for name in CRASHPOINTS if name.split(".")[0] in ROLES]


@pytest.fixture(scope="module")
def hospice() -> Iterator[Hospice]:
    """Where processes are started and their ends awaited."""
    with Hospice() as hospice:
        yield hospice


@dataclass(kw_only=True)
class Stage:
    """A workshop of which one process is going to die."""

    shop: SqsWorkshop
    life: Life

    @property
    def report(self) -> dict[str, list[str]]:
        """What the process left behind."""
        return json.loads(Path(self.life.report).read_text())

    def let_time_pass(self) -> None:
        """What it held is free again: messages become visible, leases end."""
        if self.life.role == "worker":
            self.shop.release(self.report["handles"])
        self.shop.skip(timedelta(minutes=2))

    def rows(self) -> list[dict[str, object]]:
        """Every row as it is, to the last column."""
        return query(self.life.url, "SELECT * FROM agent_job_execution ORDER BY job_id")


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, database_url: str, emulator: EmulatedCloud, tmp_path: Path
) -> Iterator[Stage]:
    """Four jobs and a bad body in a lane of the emulator; for a dispatcher, four whose worker is gone."""
    name, how = request.param
    client = sqs_client(emulator.endpoint_url)
    lane, dlq = [
        client.create_queue(QueueName=f"{kind}-{uuid.uuid4().hex}")["QueueUrl"]
        for kind in ("lane", "dlq")
    ]
    life = Life(
        url=database_url,
        endpoint_url=emulator.endpoint_url,
        lane=lane,
        dlq=dlq,
        role=ROLES[name.split(".")[0]],
        crashpoint=f"{name}={how}",
        report=str(tmp_path / "report.json"),
    )
    shop = SqsWorkshop(life, founder=True)
    shop.send(*JOBS)
    shop.accepted.append(shop.send_body("not json"))
    if life.role == "dispatcher":
        _lose_a_worker(shop)
    yield Stage(shop=shop, life=life)
    shop.close()
    for url in (lane, dlq):
        client.delete_queue(QueueUrl=url)


def _lose_a_worker(shop: SqsWorkshop) -> None:
    """A worker took the batch, deleted it too early and vanished."""
    messages = shop.queues.receive(shop.lane, wait=timedelta(seconds=5))
    for job in JOBS:
        shop.clerk.take(job)
    shop.queues.delete_batch(shop.lane, [message.receipt_handle for message in messages])
    shop.accepted = list(JOBS)
    shop.skip(timedelta(minutes=2))


def _walk(how: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "stage", [(name, how) for name in POINTS], ids=POINTS, indirect=True
    )


@_walk("exit")
def test_a_process_that_dies_loses_nothing(stage: Stage, hospice: Hospice):
    """F1, F14, F15, F27, F43: killed at any point, without any clean-up."""
    # Given a process that is gone at this point
    assert hospice.wait(hospice.start(stage.life)) == 137
    _recovers(stage)
    _nothing_is_left_in_the_database(stage)


@_walk("raise")
def test_a_process_that_fails_unexpectedly_loses_nothing(stage: Stage, hospice: Hospice):
    """F11, F27: an exception that nothing expects, at any point."""
    pid = hospice.start(stage.life)
    if stage.life.role == "worker":
        assert hospice.wait(pid) == RAISED
    else:  # one duty's fault keeps the others from nothing, unless it is no Exception
        assert hospice.wait(pid) in (0, RAISED)
    _recovers(stage)
    _nothing_is_left_in_the_database(stage)


@_walk("stop")
def test_a_process_that_is_paused_and_wakes_cannot_write(stage: Stage, hospice: Hospice):
    """F6, I3: stopped at any point, overtaken by others that finish, then woken up."""
    # Given a process that is stopped at this point
    pid = hospice.start(stage.life)
    wait_until_stopped(pid)
    # When its leases end, and others bring everything to its end
    _recovers(stage)
    finished = stage.rows()
    # And it wakes up and goes on as if nothing had been
    os.kill(pid, signal.SIGCONT)
    assert hospice.wait(pid) == 0
    # Then what it had claimed but not settled is refused, and it is told so
    if stage.life.crashpoint.split("=")[0] in HOLDING:
        assert stage.report["fenced"]
    # And no row has changed by as much as a column, and all invariants still hold
    stage.shop.settle_down()
    assert stage.rows() == finished
    assert stage.shop.problems(at_rest=True, repeats=JOBS) == []
    _nothing_is_left_in_the_database(stage)


def _recovers(stage: Stage) -> None:
    # When time passes, and a healthy worker and dispatcher go on (I5: within this many rounds)
    stage.let_time_pass()
    stage.shop.settle_down(rounds=20)
    # Then I1 to I4 hold; an attempt that was cut off after its effect may have repeated it
    assert stage.shop.problems(at_rest=True, repeats=JOBS) == []
    # And each job ended as it had to
    states = {row["job_id"]: row["status"] for row in stage.rows()}
    assert {job: states[job] for job in JOBS} == {
        "first": "completed",
        "never": "failed",
        "second": "completed",
        "last": "completed",
    }
    # And the one that can never work has one dead letter by its number, copies or not
    letters = stage.shop.letters()
    assert len({letter["muster-dead-letter"] for letter in letters}) == len(states) - 3


def _nothing_is_left_in_the_database(stage: Stage) -> None:
    """I8: the two sessions of the process are gone; of the workshop's own there are up to three."""
    sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    stage.shop.dispatching.close()
    wait_until(lambda: len(query(stage.life.url, sql)) <= 3)


def test_every_crash_point_has_a_test_that_passes_it():
    assert {name.split(".")[0] for name in CRASHPOINTS} <= ROLES.keys() | ELSEWHERE
