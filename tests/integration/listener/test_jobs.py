"""Whatever a job does, its record says it, and the listener and its neighbours go on."""

from __future__ import annotations

import pytest

from tests.support.listening import HOLD, Rig
from tests.support.waiting import wait_until


@pytest.mark.parametrize("isolation", ["shared", "process"])
def test_fault_11_whatever_a_job_raises_is_recorded_and_the_listener_lives(
    rig: Rig, isolation: str
):
    # Given an agent with one attempt for each job
    rig.agent(retries=0, isolation=isolation)
    listener = rig.start()
    # When jobs raise what is no ordinary exception
    for deed in ("exit", "interrupt", "unspeakable", "circular"):
        rig.send(deed, do=deed)
    rig.send("neighbour", do="effect")
    # Then each is a failure with its class and a text, and the neighbour is done
    rig.at_rest()
    classes = {job: rig.clerk.row(job)["error"]["class"] for job in rig.accepted[:4]}
    assert classes == {
        "exit": "SystemExit",
        "interrupt": "KeyboardInterrupt",
        "unspeakable": "_Unspeakable",
        "circular": "ValueError",
    }
    assert rig.status("neighbour") == "completed"
    assert listener.health()["is_running"]
    assert rig.problems() == []


def test_fault_11_an_error_in_a_thread_that_a_job_started_ends_that_thread_alone(rig: Rig):
    # Given a job that runs beside another one
    listener, gate = rig.start(), rig.gate()
    rig.send("neighbour", do="sleep", gate=str(gate))
    wait_until(lambda: rig.steps("neighbour"))
    # When a thread that it started dies
    rig.send("j", do="stray")
    # Then both jobs end as they should, in their first attempt, and so does the listener go on
    for each in ("j", "neighbour"):
        row = rig.becomes(each, "completed")
        assert (row["attempts"], row["fence"]) == (1, 1)
        gate.touch()
    assert listener.health()["is_running"]
    assert any("thread of a job" in line["message"] for line in listener.told())


def test_fault_11_a_job_that_raises_is_tried_again_after_its_pause(rig: Rig):
    # Given a job that asks for a second attempt after a second
    rig.start()
    rig.send("j", do="second", seconds=1)
    # Then its own message brings it back
    row = rig.becomes("j", "completed")
    assert row["result"] == {"attempt": 2}
    assert rig.clerk.story("j") == ["claimed", "retried", "claimed", "completed"]
    between = rig.clerk.events("j")
    assert (between[2]["at"] - between[1]["at"]).total_seconds() >= 1
    rig.at_rest()


def test_fault_12_a_job_that_ends_its_process_ends_alone(rig: Rig):
    # Given an agent whose jobs have processes of their own
    rig.agent(retries=0, isolation="process")
    listener = rig.start()
    # When jobs exit without a result, crash, and ask for more memory than there is
    for deed in ("os_exit", "segfault", "memory"):
        rig.send(deed, do=deed)
    rig.send("neighbour", do="sleep", seconds=1)
    # Then each is recorded as what it was, and the neighbour and the listener live
    rig.at_rest()
    codes = {job: rig.clerk.row(job)["error"]["code"] for job in rig.accepted[:3]}
    assert codes == {"os_exit": "exited", "segfault": "killed", "memory": "out_of_memory"}
    assert rig.steps("neighbour") == {-1: 1, 0: 1}
    assert listener.process.poll() is None
    assert rig.problems() == []


def test_a_job_whose_last_attempt_vanished_gets_a_process_of_its_own(rig: Rig):
    # Given a job that takes its whole shared listener with it
    rig.agent(timeout="10m", retries=1)
    first, gate = rig.start(hold=HOLD), rig.gate()
    rig.send("killer", do="os_exit")
    first.ends()
    # When another listener takes it up, beside a neighbour
    second = rig.start()
    rig.send("neighbour", do="sleep", gate=str(gate))
    wait_until(lambda: rig.steps("neighbour"))
    # Then it dies alone this time
    row = rig.becomes("killer", "failed")
    assert row["error"]["code"] == "exited"
    assert row["attempts"] == 2
    gate.touch()
    rig.at_rest()
    assert second.process.poll() is None
    assert rig.steps("neighbour") == {-1: 1, 0: 1}


@pytest.mark.parametrize("isolation", ["shared", "process"])
def test_fault_13_results_that_cannot_be_stored_lose_no_job(rig: Rig, isolation: str):
    # Given jobs whose results no column takes
    rig.agent(timeout="10m", retries=0, isolation=isolation)
    listener = rig.start()
    for deed in ("nan", "object", "large", "odd_text"):
        rig.send(deed, do=deed)
    rig.send("neighbour", do="effect")
    rig.at_rest()
    # Then each has its row: odd text is mended, the others failed and say why
    states = {job: rig.status(job) for job in rig.accepted}
    assert states == {
        "nan": "failed",
        "object": "failed",
        "large": "failed",
        "odd_text": "completed",
        "neighbour": "completed",
    }
    assert rig.clerk.row("odd_text")["result"] == {"text": "a\ufffdb\ufffdc"}
    assert rig.clerk.row("nan")["error"]["code"] == "result_not_json"
    assert listener.process.poll() is None
    assert rig.problems() == []


def test_fault_13_a_job_that_prints_without_end_is_stopped(rig: Rig):
    # Given a job that prints a hundred megabytes
    rig.agent(timeout="10m", retries=0, isolation="process")
    listener = rig.start()
    rig.send("j", do="print")
    # Then it is recorded as that, and the listener's log stays small
    rig.becomes("j", "failed", within=120)
    assert rig.clerk.row("j")["error"]["code"] == "output_too_large"
    assert listener.log.stat().st_size < 20 << 20


def test_a_running_job_that_is_called_off_stops_within_one_renewal(rig: Rig):
    # Given a job that runs for long
    rig.agent(timeout="2h")
    listener = rig.start(hold=HOLD)
    rig.send("j", do="sleep", seconds=3600)
    wait_until(lambda: rig.steps("j"))
    # When it is called off
    rig.clerk.ledger.cancel(agent_id="tester", job_id="j", reason="by a person")
    renewed = listener.metric("renewals_total", what="lease")
    # Then it ends as cancelled, without its effect, at its next renewal; another one may have been under way
    row = rig.becomes("j", "cancelled")
    assert listener.metric("renewals_total", what="lease") - renewed <= 2
    assert row["reason"] == "requested"
    assert rig.steps("j") == {-1: 1}
    rig.at_rest()
    assert listener.process.poll() is None


def test_fault_17_a_job_that_is_called_off_before_its_message_comes_never_runs(rig: Rig):
    # Given a pending job that was called off, its message still on the way
    rig.clerk.query(
        "WITH k AS (INSERT INTO job_key (agent_id, job_id, execution_id)"
        " VALUES ('tester', 'j', gen_random_uuid()) RETURNING *)"
        " INSERT INTO agent_job_execution (execution_id, created_at, job_id, agent_id, params)"
        " SELECT execution_id, created_at, job_id, agent_id, '{}' FROM k"
    )
    rig.clerk.ledger.cancel(agent_id="tester", job_id="j", reason="by a person")
    # When the message comes
    rig.start()
    rig.send("j", do="effect")
    # Then nothing runs, and the message goes
    wait_until(lambda: rig.depth() == 0)
    assert rig.status("j") == "cancelled"
    assert rig.steps("j") == {}
