"""A listener's process from its start to its end, gentle or not."""

from __future__ import annotations

import signal
import time

from tests.support.clerk import held
from tests.support.listening import HOLD, Rig
from tests.support.waiting import wait_until


def test_fault_01_a_job_whose_listener_is_killed_is_taken_up_by_another(rig: Rig):
    # Given a job that runs in one listener
    first = rig.start(fresh=True, hold=HOLD)
    rig.send("j", do="sleep", seconds=600, later=0)
    wait_until(lambda: rig.steps("j"))
    # When that is killed, and another one is there
    first.kill()
    rig.start(fresh=True)
    # Then the job is taken up once its lease has ended, as its second attempt, and has its effect once
    row = rig.becomes("j", "completed")
    assert (row["attempts"], row["fence"]) == (2, 2)
    assert rig.steps("j") == {-2: 1, -1: 1, 0: 1}
    assert rig.clerk.story("j") == ["claimed", "lost", "claimed", "completed"]
    rig.at_rest()
    assert rig.problems() == []


def test_fault_02_an_idle_listener_ends_at_once_when_it_is_told_to(rig: Rig):
    # Given a listener whose long poll has just begun, and that would let jobs run for an hour
    listener = rig.start(fresh=True, drain_seconds="3600")
    wait_until(lambda: rig.polls() == 1)
    answered = rig.sqs.answered["ReceiveMessage"]
    # When it is told to end
    listener.signal(signal.SIGTERM)
    # Then it does so without waiting for the poll, which is not answered yet, and says that it is gone
    assert listener.ends() == 0
    assert rig.sqs.answered["ReceiveMessage"] == answered
    assert _instances(rig) == ["stopped"]


def test_fault_03_a_job_that_ends_in_time_is_finished_and_nothing_more_is_taken(rig: Rig):
    # Given a running job
    listener, gate = rig.start(concurrency="1", drain_seconds="600"), rig.gate()
    rig.send("running", do="sleep", gate=str(gate))
    wait_until(lambda: rig.steps("running"))
    # When the listener is told to end and another job comes
    listener.signal(signal.SIGTERM)
    wait_until(lambda: listener.health().get("draining"))
    rig.send("late", do="effect")
    gate.touch()
    # Then it finishes the one, leaves the other, and ends well
    assert listener.ends() == 0
    assert rig.status("running") == "completed"
    assert rig.status("late") is None
    assert rig.depth() == 1


def test_fault_04_a_job_that_takes_longer_is_given_back_uncharged_and_goes_on_elsewhere(rig: Rig):
    # Given a long job that saves its progress, in a listener that drains for one second
    # (whose last poll, still under way, may get the message back and take it with it for a hold)
    first, gate = rig.start(hold=HOLD, drain_seconds="1"), rig.gate()
    rig.send("j", do="steps", steps=30, seconds=0.01, stops=10, gate=str(gate))
    wait_until(lambda: len(rig.steps("j")) == 10)
    # When it is told to end
    first.signal(signal.SIGTERM)
    assert first.ends() == 0
    # Then the job is pending with its attempt given back, and its message is there at once
    row = rig.clerk.row("j")
    assert (row["status"], row["attempts"], row["fence"]) == ("pending", 0, 1)
    assert rig.clerk.story("j") == ["claimed", "handed_back"]
    assert max(rig.steps("j")) == 9
    # And another listener goes on where it was
    gate.touch()
    rig.start()
    row = rig.becomes("j", "completed")
    assert row["attempts"] == 1
    assert row["result"] == {"attempt": 1, "resumed": True}
    steps = rig.steps("j")
    assert set(steps) == set(range(30))
    assert sum(steps.values()) <= 31, "only the step that was interrupted may come again"


def test_fault_04_what_is_being_claimed_at_the_end_is_given_back_too(rig: Rig):
    # Given a listener whose claim has to wait in the ledger, when it is told to end, and the claim gets
    # through after everything that ran was stopped (or, on a busy machine, not in time: then once more)
    job_id = next(job_id for job_id in ("1", "2", "3", "4") if _claims_at_the_end(rig, job_id))
    # Then that job is given back as well
    assert rig.clerk.story(job_id) == ["claimed", "handed_back"]
    assert rig.clerk.row(job_id)["attempts"] == 0


def _claims_at_the_end(rig: Rig, job_id: str) -> bool:
    """Whether the claim came before the listener gave the ledger up, and before its process ended."""
    listener = rig.start(drain_seconds="0")
    with held(rig.url, "LOCK TABLE job_key IN ACCESS EXCLUSIVE MODE"):
        rig.send(job_id, do="sleep", seconds=30)
        wait_until(lambda: listener.metric("messages_held") > 0)
        listener.signal(signal.SIGTERM)
        wait_until(lambda: listener.health().get("draining"))
    assert listener.ends() == 0
    return rig.status(job_id) == "pending"


def test_fault_04_a_job_that_does_not_stop_is_not_started_again_before_its_process_has_ended(
    rig: Rig,
):
    # Given a job that swallows whatever is raised in it
    listener = rig.start(drain_seconds="0")
    rig.send("j", do="swallow", seconds=300)
    wait_until(lambda: rig.steps("j"))
    # When its listener is told to end
    listener.signal(signal.SIGTERM)
    # Then it is given back, for the time after that end
    assert listener.ends() == 0
    [row] = rig.clerk.query("SELECT available_at > now() AS later FROM agent_job_execution")
    assert row["later"]
    assert rig.clerk.story("j") == ["claimed", "handed_back"]


def test_fault_05_a_second_signal_gives_everything_back_at_once(rig: Rig):
    # Given a listener that would drain for an hour
    listener = rig.start(drain_seconds="3600")
    rig.send("j", do="sleep", seconds=3600)
    wait_until(lambda: rig.steps("j"))
    listener.signal(signal.SIGTERM)
    wait_until(lambda: listener.health().get("draining"))
    # When it is told again
    listener.signal(signal.SIGINT)
    # Then it gives the job back and ends, without a trace of an error
    assert listener.ends(within=60) == 0
    assert rig.clerk.story("j") == ["claimed", "handed_back"]
    assert "Traceback" not in listener.log.read_text()


def test_fault_06_a_listener_that_was_stopped_for_long_cannot_write_what_is_another_s(rig: Rig):
    # Given a listener that is frozen while its job runs
    frozen, gate = rig.start(hold=HOLD), rig.gate()
    rig.send("j", do="sleep", gate=str(gate))
    wait_until(lambda: rig.steps("j"))
    frozen.signal(signal.SIGSTOP)
    # When another one has taken the job, and the first goes on after two holds
    rig.start()
    began = time.monotonic()
    rig.becomes("j", "completed")
    wait_until(lambda: time.monotonic() - began > 2 * HOLD)
    gate.touch()
    frozen.signal(signal.SIGCONT)
    # Then it gives the job up, and the row is the other's
    wait_until(lambda: frozen.metric("messages_held") == 0 and frozen.health())
    row = rig.clerk.row("j")
    assert (row["attempts"], row["fence"]) == (2, 2)
    assert [
        e["kind"]
        for e in rig.clerk.events("j")
        if e["fence"] == 1 and e["to_status"] == "completed"
    ] == []
    rig.at_rest()
    assert rig.problems() == []


def _instances(rig: Rig) -> list[str]:
    rows = rig.clerk.query("SELECT status FROM agent_instance ORDER BY started_at")
    return [row["status"] for row in rows]
