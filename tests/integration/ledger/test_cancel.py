"""Calling jobs off, and agents that were switched off."""

from __future__ import annotations

import pytest

from muster.model import Status, Verdict
from tests.support.clerk import MINUTE, Clerk, delivery


def test_a_pending_job_that_is_called_off_never_starts(clerk: Clerk):
    # Given a job that waits for its second attempt
    clerk.settle(clerk.take("j", "m"), "retried", delay=MINUTE)
    # When it is called off
    state = clerk.ledger.cancel(agent_id="tester", job_id="j", reason="not needed")
    # Then it is cancelled, and no message starts it
    row = clerk.row("j")
    assert (state, row["status"], row["reason"]) == (Status.CANCELLED, "cancelled", "not needed")
    assert (row["relay_after"], row["dlq_pending"]) == (None, False)
    assert row["completed_at"] is not None
    clerk.change("j", "available_at = now()")
    assert clerk.judge(delivery("j", "m")) == [Verdict.REDELIVERED]
    assert clerk.story("j") == ["claimed", "retried", "cancelled", "redelivered"]


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("completed", Status.COMPLETED),  # it was quicker
        ("failed", Status.FAILED),
        ("cancelled", Status.CANCELLED),
        ("retried", Status.CANCELLED),  # there is no next attempt
        ("snoozed", Status.CANCELLED),
        ("handed_back", Status.CANCELLED),
    ],
)
def test_a_running_job_that_is_called_off_is_not_tried_again(clerk: Clerk, kind: str, ends: Status):
    # Given a running job that is called off
    claim = clerk.take("j", "m")
    asked = clerk.ledger.cancel(agent_id="tester", job_id="j", reason="x")
    assert asked is Status.RUNNING
    # When its attempt ends / Then only what would go on is cancelled
    assert clerk.settle(claim, kind, refund=kind in ("snoozed", "handed_back")) is ends
    row = clerk.row("j")
    assert row["status"] == ends
    assert row["completed_at"] is not None
    assert row["relay_after"] is None
    assert row["dlq_pending"] is (ends is Status.FAILED)


def test_a_job_whose_worker_vanished_after_it_was_called_off_ends_cancelled(clerk: Clerk):
    # Given a running job, called off, whose worker then vanished
    clerk.take("j", "m")
    clerk.ledger.cancel(agent_id="tester", job_id="j", reason="x")
    clerk.expire("j")
    # When its message comes back / Then it does not run again
    assert clerk.judge(delivery("j", "m")) == [Verdict.CANCELLED]
    assert clerk.row("j")["reason"] == "requested"
    assert clerk.story("j") == ["claimed", "cancel_requested", "cancelled"]


@pytest.mark.parametrize("kind", ["completed", "failed", "cancelled"])
def test_a_finished_job_cannot_be_called_off(clerk: Clerk, kind: str):
    clerk.settle(clerk.take("j"), kind)
    before = clerk.row("j")
    assert clerk.ledger.cancel(agent_id="tester", job_id="j", reason="x") is Status(kind)
    assert clerk.row("j") == before


def test_an_unknown_job_cannot_be_called_off(clerk: Clerk):
    assert clerk.ledger.cancel(agent_id="tester", job_id="none", reason="x") is None


def test_asking_twice_is_asking_once(clerk: Clerk):
    clerk.take("j")
    for _ in range(2):
        assert clerk.ledger.cancel(agent_id="tester", job_id="j", reason="x") is Status.RUNNING
    assert clerk.row("j")["status"] == "running"


def test_a_redrive_forgets_that_its_job_was_called_off(clerk: Clerk):
    # Given a job that was called off too late, and failed
    claim = clerk.take("j", "m")
    clerk.ledger.cancel(agent_id="tester", job_id="j", reason="x")
    clerk.settle(claim, "failed")
    # When it is redriven on purpose and has to be tried again / Then it is
    again = clerk.take_redrive("j", fence=1)
    assert clerk.settle(again, "retried") is Status.PENDING


def test_jobs_of_a_disabled_agent_are_recorded_as_cancelled(clerk: Clerk):
    """F24: not run, not lost, whatever state the job was in."""
    # Given jobs: one waits, one's worker vanished, one runs; then the agent is disabled
    clerk.register()
    clerk.settle(clerk.take("waiting", "m-waiting"), "retried")
    clerk.take("gone", "m-gone")
    clerk.expire("gone")
    running = clerk.take("running", "m-running")
    clerk.query("UPDATE agent_registry SET enabled = false")
    # When messages of these and of a new job come
    jobs = ("new", "waiting", "gone", "running")
    verdicts = clerk.judge(*[delivery(job, f"m-{job}") for job in jobs])
    # Then none is started, all are in the ledger, and what already ran may end
    assert verdicts == [Verdict.CANCELLED] * 3 + [Verdict.DEFERRED]
    for job in ("new", "waiting", "gone"):
        row = clerk.row(job)
        assert (row["status"], row["reason"]) == ("cancelled", "agent_disabled")
        assert row["completed_at"] is not None
        assert clerk.events(job)[-1]["reason"] == "agent_disabled"
    assert clerk.row("new")["attempts"] == 0
    assert clerk.settle(running, "completed") is Status.COMPLETED
    # And a message that comes later finds it so
    assert clerk.judge(delivery("new", "m-new")) == [Verdict.REDELIVERED]


def test_a_redrive_to_a_disabled_agent_does_not_run(clerk: Clerk):
    """F24: a dead letter moved back while the agent is off ends as cancelled, in two legal steps."""
    clerk.register()
    clerk.settle(clerk.take("j", "m"), "failed")
    clerk.query("UPDATE agent_registry SET enabled = false")
    assert clerk.judge(delivery("j", "letter", dead_letter_fence=1)) == [Verdict.CANCELLED]
    assert [(e["from_status"], e["to_status"]) for e in clerk.events("j")][-2:] == [
        *(("failed", "pending"), ("pending", "cancelled"))
    ]
    assert clerk.row("j")["dlq_pending"] is False


def test_an_agent_that_is_enabled_again_takes_new_jobs(clerk: Clerk):
    clerk.register(enabled=False)
    assert clerk.judge(delivery("j")) == [Verdict.CANCELLED]
    clerk.query("UPDATE agent_registry SET enabled = true")
    assert clerk.judge(delivery("k")) == [Verdict.TAKEN]


def test_an_agent_without_a_row_is_not_held_to_be_disabled(clerk: Clerk):
    assert clerk.judge(delivery("j")) == [Verdict.TAKEN]


def test_a_job_that_runs_while_its_agent_is_replaced_ends_under_its_own_version(clerk: Clerk):
    """F25: the running attempt keeps the old version in its row; the next attempt has the new one."""
    # Given two running jobs of version 1
    clerk.register(agent_version="1.0.0")
    first, second = clerk.take("first"), clerk.take("second", "m")
    # When version 2 is registered and version 1 retired
    clerk.register(agent_version="2.0.0")
    active = clerk.query("SELECT agent_version FROM agent_registry WHERE active")
    assert active == [{"agent_version": "2.0.0"}]
    # Then what runs is settled as it is
    assert clerk.settle(first, "completed") is Status.COMPLETED
    assert clerk.row("first")["agent_version"] == "1.0.0"
    # And what is tried again runs under version 2
    clerk.settle(second, "retried")
    assert clerk.take("second", "m", agent_version="2.0.0").agent_version == "2.0.0"
    assert clerk.row("second")["agent_version"] == "2.0.0"


def test_the_agents_of_a_removed_registration_keep_their_history(clerk: Clerk):
    """F25: nothing refers to the registry by a foreign key, so a removal cannot take rows along."""
    clerk.register()
    claim = clerk.take("j")
    clerk.query("DELETE FROM agent_registry")
    assert clerk.settle(claim, "completed") is Status.COMPLETED
    assert clerk.row("j")["status"] == "completed"
