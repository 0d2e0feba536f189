"""An SQS that fails in every way, clocks that are wrong, lanes that compete."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.listener_process import ListenerProcess
from tests.support.listening import HOLD, Rig
from tests.support.waiting import wait_until

TRANSIENT = ("503 ServiceUnavailable", "400 RequestThrottled", "reset")
#: Before anything else is imported: a wall clock that goes backwards, an hour late.
_BAD_CLOCK = """
import itertools, muster.clock
from datetime import UTC, datetime, timedelta
late = itertools.count(3600, 60)
muster.clock.SystemClock.now = lambda self: datetime.now(UTC) - timedelta(seconds=next(late))
"""
FATAL = (
    "400 QueueDoesNotExist",
    "403 AccessDenied",
    "403 ExpiredToken",
    "403 SignatureDoesNotMatch",
)


@pytest.mark.parametrize("transport", ["boto3", "fast"])
@pytest.mark.parametrize("fault", TRANSIENT)
def test_fault_18_a_receive_that_fails_for_now_is_repeated_without_spinning(
    rig: Rig, fault: str, transport: str
):
    # Given a listener whose receives begin to fail
    listener = rig.start(transport=transport)
    rig.sqs.fail("ReceiveMessage", fault)
    rig.send("j", do="effect")
    _nudge(rig)
    wait_until(lambda: listener.metric("receive_failures_total") >= 1)
    # When some seconds pass
    calls, cpu, began = rig.sqs.calls["ReceiveMessage"], listener.cpu_seconds(), time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2)
    # Then it has tried a few times, and hardly worked for it
    assert rig.sqs.calls["ReceiveMessage"] - calls < 40
    assert listener.cpu_seconds() - cpu < 1.0
    assert listener.get("/health/live")[0] == 200
    # And once SQS is back it goes on
    rig.sqs.mend()
    rig.becomes("j", "completed")
    rig.at_rest()


@pytest.mark.parametrize("fault", FATAL)
def test_fault_18_what_a_person_has_to_mend_is_said_and_asked_for_rarely(rig: Rig, fault: str):
    # Given a listener that has lost its queue, its rights, or its credentials
    rig.sqs.fail("ReceiveMessage", fault)
    listener = rig.start(ready=False)
    wait_until(lambda: _alarmed(listener))
    # When some seconds pass
    calls, began = rig.sqs.calls["ReceiveMessage"], time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2)
    # Then it has hardly asked again, lives, and is not ready
    assert rig.sqs.calls["ReceiveMessage"] - calls <= 6
    assert listener.get("/health/live")[0] == 200
    status, body = listener.get("/health/ready")
    assert status == 503
    assert "lane normal" in body


def test_fault_19_a_clock_that_is_wrong_harms_no_lease_and_is_said(rig: Rig):
    # Given a listener whose wall clock is an hour late, and that SQS refuses for it
    rig.sqs.fail("ReceiveMessage", "403 InvalidClientTokenId")
    listener = rig.start(ready=False)
    # Then it says what to look at, as an error that an alarm can see
    wait_until(lambda: _alarmed(listener))
    errors = [line["message"] for line in listener.told() if line["level"] == "ERROR"]
    assert any("clock" in message for message in errors)


def test_fault_19_leases_do_not_follow_a_clock_that_is_wrong_and_jumps_back(
    rig: Rig, tmp_path: Path
):
    # Given two listeners, one with a wall clock that is an hour late and jumps back at every look
    (tmp_path / "sitecustomize.py").write_text(_BAD_CLOCK)
    rig.start(fresh=True, hold=HOLD, PYTHONPATH=str(tmp_path))
    rig.start(hold=HOLD)
    # When jobs run for longer than a lease
    jobs = [f"j{number}" for number in range(6)]
    rig.send(*jobs, do="sleep", seconds=1.5 * HOLD)
    rig.at_rest()
    # Then none was taken up too early, nor lost
    assert {job: rig.steps(job) for job in jobs} == {job: {-1: 1, 0: 1} for job in jobs}
    assert {rig.clerk.row(job)["fence"] for job in jobs} == {1}
    assert rig.problems() == []


def test_idle_costs_next_to_nothing_and_one_poll_for_each_queue(rig: Rig):
    # Given a listener with three lanes and nothing to do
    rig.lane("urgent")
    rig.lane("low")
    listener = rig.start(fresh=True)
    wait_until(lambda: rig.polls() == 3)
    # When it idles for a while
    cpu, began = listener.cpu_seconds(), time.monotonic()
    wait_until(lambda: time.monotonic() - began > 8)
    # Then it has used less than a hundredth of a core, and one poll waits at each lane; where a core is
    # slow, its start says how much: it takes most of a second of a quick one
    slowness = max(1, cpu / 0.8)
    assert listener.cpu_seconds() - cpu <= slowness * 0.08 + 0.02, "in steps of 10 ms"
    assert rig.polls() == 3


def test_no_lane_starves_while_an_urgent_one_overflows(rig: Rig):
    # Given a backlog of urgent jobs that is far more than the listener can do, and a few of low priority
    rig.lane("urgent")
    rig.lane("low")
    rig.send(*(f"urgent-{n}" for n in range(300)), lane="urgent", do="sleep", seconds=0.1)
    rig.send("low-1", "low-2", lane="low", do="effect")
    # When it works with two places
    rig.start(concurrency="2")
    # Then the low ones are done while most of the urgent ones still wait
    rig.becomes("low-1", "completed")
    rig.becomes("low-2", "completed")
    [row] = rig.clerk.query(
        "SELECT count(*) AS n FROM agent_job_execution WHERE job_id LIKE 'urgent-%%' AND created_at <"
        " (SELECT max(completed_at) FROM agent_job_execution WHERE job_id LIKE 'low-%%')"
    )
    assert row["n"] < 250


def test_slots_hold_two_listeners_to_one_job_at_a_time(rig: Rig):
    # Given two listeners of an agent that may run one job at once
    rig.start(slots="1", agent_concurrency="1")
    rig.start(slots="1", agent_concurrency="1")
    # When many jobs come
    rig.send(*(f"j{n}" for n in range(20)), do="sleep", seconds=0.05)
    # Then two never ran at the same time, and all have run
    rig.at_rest(within=180)
    assert rig.most_at_once() == 1
    assert rig.problems() == []


def _alarmed(listener: ListenerProcess) -> bool:
    return any(line["level"] == "ERROR" for line in listener.told())


def _nudge(rig: Rig) -> None:
    """End the long poll that had begun before the fault."""
    rig.send("nudge", do="effect")
