"""`isolation = "task"`: each claim is run by a launched process that answers for it alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.listener_process import ListenerProcess
from tests.support.listening import HOLD, Rig
from tests.support.waiting import wait_until

PLACE = {
    "MUSTER_LAUNCHER": "process",
    "MUSTER_CLUSTER": "",
    "MUSTER_SUBNETS": "",
    "MUSTER_SECURITY_GROUPS": "",
}

#: Length of a hold that nothing outlasts: its listener looks twelve times meanwhile whether a task has begun.
_SEEN_SOON = 30


@pytest.fixture
def launched(rig: Rig) -> Iterator[Rig]:
    """A rig whose agent wants a task for each job; no task outlives it."""
    rig.agent(timeout="2h", isolation="task")
    yield rig
    for row in rig.clerk.query("SELECT pid FROM agent_instance WHERE status <> 'stopped'"):
        _end(row["pid"])


def _start(rig: Rig, *, hold: int = _SEEN_SOON, **changes: str) -> ListenerProcess:
    return rig.start(hold=hold, **{**PLACE, **changes})


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _runs(rig: Rig, job_id: str, *, attempt: int = 1) -> dict[str, Any]:
    """The instance that runs the job, once its function has begun."""
    wait_until(lambda: -attempt in rig.steps(job_id), within=120, every=0.05)
    [row] = wait_until(  # it may begin before its process has said that it is there
        lambda: rig.clerk.query(
            "SELECT i.instance_id, i.pid FROM agent_job_execution e"
            " JOIN agent_instance i ON i.instance_id = e.worker WHERE e.job_id = %s",
            job_id,
        )
    )
    return row


def test_a_job_runs_in_a_process_of_its_own_and_is_settled_once(launched: Rig) -> None:
    # Given a listener that launches
    listener, gate = _start(launched), launched.gate()

    # When a job and one that fails for good come
    launched.send("one", do="sleep", gate=str(gate))
    launched.send("bad", do="fail")

    # Then another process than the listener ran the first, and both are at rest, with one dead letter
    assert _runs(launched, "one")["pid"] != listener.pid
    gate.touch()
    launched.at_rest()
    assert launched.becomes("one", "completed")["attempts"] == 1
    assert launched.becomes("bad", "failed")["attempts"] == 1
    assert launched.steps("one") == {-1: 1, 0: 1}
    assert len(launched.letters()) == 1
    assert launched.problems() == []


def test_a_task_that_is_killed_is_another_attempt(launched: Rig) -> None:
    # Given a job in its launched process
    _start(launched, hold=HOLD)
    launched.send("two", do="sleep", seconds=3600, later=0)
    task = _runs(launched, "two")

    # When that process is killed
    _end(task["pid"])

    # Then its lease runs out, and another attempt in another process ends the job
    assert _runs(launched, "two", attempt=2)["pid"] != task["pid"]
    row = launched.becomes("two", "completed")
    assert row["attempts"] == 2
    launched.at_rest()
    assert launched.problems() == []


def test_a_task_settles_although_its_listener_was_killed(launched: Rig) -> None:
    # Given a job that outlives two leases, in its launched process
    listener = _start(launched, hold=HOLD)
    launched.send("three", do="sleep", seconds=2.5 * HOLD)
    _runs(launched, "three")

    # When the listener is killed
    listener.kill()

    # Then the task ends the job at its first attempt, and deletes the message
    assert launched.becomes("three", "completed", within=120)["attempts"] == 1
    launched.at_rest()
    assert launched.steps("three") == {-1: 1, 0: 1}
    assert launched.problems() == []


def test_a_listener_that_ends_leaves_its_tasks_alone(launched: Rig) -> None:
    # Given a job in its launched process
    listener, gate = _start(launched), launched.gate()
    launched.send("four", do="sleep", gate=str(gate))
    _runs(launched, "four")

    # When the listener is told to end
    listener.signal(signal.SIGTERM)

    # Then it ends well, and so does the job
    assert listener.ends() == 0
    gate.touch()
    assert launched.becomes("four", "completed")["attempts"] == 1
    launched.at_rest()
    assert launched.problems() == []


def test_a_launched_job_is_called_off(launched: Rig) -> None:
    # Given a job in its launched process
    _start(launched, hold=HOLD)
    launched.send("five", do="sleep", seconds=3600)
    _runs(launched, "five")

    # When it is called off
    launched.clerk.ledger.cancel(agent_id="tester", job_id="five", reason="by a person")

    # Then the task hears of it at its renewal, stops, and records that
    launched.becomes("five", "cancelled")
    launched.at_rest()
    assert 0 not in launched.steps("five")
    assert launched.problems() == []


def test_concurrency_counts_launched_tasks(launched: Rig) -> None:
    # Given two slots, and two listeners that could hold four jobs each
    for _ in range(2):
        _start(launched, slots="2", agent_concurrency="2")

    # When six jobs come, of which none ends before two run
    jobs, gate = [f"job-{number}" for number in range(6)], launched.gate()
    launched.send(*jobs, do="sleep", seconds=1, gate=str(gate))
    wait_until(lambda: sum(bool(launched.steps(job)) for job in jobs) == 2, within=120)
    gate.touch()

    # Then all of them end, at their first attempts, and never three ran at once
    launched.at_rest(within=300)
    assert {launched.clerk.row(job)["attempts"] for job in jobs} == {1}
    assert launched.most_at_once() == 2
    assert launched.problems() == []
