"""What becomes of a message whose job the ledger knows already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from muster.model import Status, Verdict
from tests.support.clerk import MINUTE, Clerk, delivery

_DETAILS = {
    "tenant": "acme",
    "params": {"text": "Grüße 🌍", "n": [1.5, None]},
    "priority": "high",
    "source": "api",
    "scheduled_for": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "hops": 2,
    "sent_at": datetime(2026, 3, 29, 1, 29, tzinfo=UTC),
}


def test_the_message_of_a_running_job_is_deferred_until_its_lease_ends(clerk: Clerk):
    # Given a job that runs
    clerk.take("j", "m", lease=MINUTE)
    # When its own message is delivered again
    [judgement] = clerk.claim(delivery("j", "m"))
    # Then it has to come again when the lease is over
    assert judgement.verdict is Verdict.DEFERRED
    assert timedelta(seconds=50) < judgement.wait <= MINUTE
    assert clerk.story("j") == ["claimed"]


def test_another_message_of_a_running_job_is_a_duplicate(clerk: Clerk):
    # Given a job that runs / When another message asks for it
    clerk.take("j", "m")
    verdicts = clerk.judge(delivery("j", "other"))
    # Then it can be deleted, is counted, and changes nothing
    assert verdicts == [Verdict.DUPLICATE]
    assert clerk.story("j") == ["claimed", "duplicate"]
    assert clerk.row("j")["holder"] == "m"


def test_a_job_that_waits_for_its_time_defers_its_message_and_no_other(clerk: Clerk):
    # Given a job to be tried again in a minute
    claim = clerk.take("j", "m")
    clerk.settle(claim, "retried", delay=MINUTE)
    # When its message and another one come too early
    [own, other] = [clerk.claim(delivery("j", m))[0] for m in ("m", "other")]
    # Then its own waits, the other one is superfluous
    assert own.verdict is Verdict.DEFERRED
    assert timedelta(seconds=50) < own.wait <= MINUTE
    assert other.verdict is Verdict.DUPLICATE
    # And once it is time, whichever comes first takes it
    clerk.change("j", "available_at = now()")
    assert clerk.take("j", "third").attempt == 2


def test_a_finished_job_knows_its_own_message_from_others(clerk: Clerk):
    """F14: the delete after success was lost; the redelivery is recognised and does not run."""
    for kind in ("completed", "cancelled", "failed"):
        # Given a finished job
        claim = clerk.take(kind, f"m-{kind}")
        clerk.settle(claim, kind)
        # When its message comes again, and another one
        own, other = clerk.judge(delivery(kind, f"m-{kind}")), clerk.judge(delivery(kind, "other"))
        # Then both can be deleted; only the other one is a duplicate
        assert (own, other) == ([Verdict.REDELIVERED], [Verdict.DUPLICATE])
        assert clerk.story(kind) == ["claimed", kind, "redelivered", "duplicate"]
        assert clerk.row(kind)["fence"] == 1


def test_a_failure_whose_dead_letter_is_not_sent_yet_is_told_to_whoever_asks(clerk: Clerk):
    # Given a failed job whose worker died before it sent the dead letter
    claim = clerk.take("j", "m")
    clerk.settle(claim, "failed")
    # When its message is delivered again
    [judgement] = clerk.claim(delivery("j", "m"))
    # Then the answer holds what the dead letter needs
    failure = judgement.failure
    assert judgement.verdict is Verdict.REDELIVERED
    assert failure is not None
    assert (failure.execution_id, failure.fence, failure.attempts) == (claim.execution_id, 1, 1)
    assert (failure.params, failure.error["code"]) == ({"n": 1}, "agent_error")
    # And once it is sent, nobody is told again
    clerk.ledger.dead_letters_sent([failure])
    assert clerk.claim(delivery("j", "m"))[0].failure is None
    assert clerk.story("j")[-2:] == ["dead_lettered", "redelivered"]


def test_the_dead_letter_that_comes_back_is_the_redrive_once(clerk: Clerk):
    """F29: only the letter of the present failure revives it; copies and old letters do not."""
    # Given a failed job, its dead letter in the queue
    claim = clerk.take("j", "m")
    clerk.settle(claim, "failed")
    # When the letter is moved back to the lane, twice
    [first] = clerk.claim(delivery("j", "letter", dead_letter_fence=1), max_attempts=5)
    second = clerk.judge(delivery("j", "copy", dead_letter_fence=1))
    # Then the first one runs it again with a fresh budget under a higher fence, the copy does nothing
    assert first.claim is not None
    assert (first.claim.fence, first.claim.attempt, first.claim.max_attempts) == (2, 1, 5)
    assert second == [Verdict.DUPLICATE]
    assert clerk.row("j")["redrives"] == 1
    # And when it fails again, the old letter is worth nothing any more
    clerk.settle(first.claim, "failed")
    assert clerk.judge(delivery("j", "late", dead_letter_fence=1)) == [Verdict.DUPLICATE]
    assert clerk.take_redrive("j", fence=2).fence == 3
    assert [e["kind"] for e in clerk.events("j") if e["to_status"] != e["from_status"]] == [
        *("claimed", "failed", "redriven", "claimed", "failed", "redriven", "claimed"),
    ]


def test_one_batch_may_hold_every_kind_of_delivery(clerk: Clerk):
    # Given jobs in every state
    clerk.take("running", "m-running")
    clerk.settle(clerk.take("done", "m-done"), "completed")
    clerk.settle(clerk.take("waiting", "m-waiting"), "retried", delay=MINUTE)
    clerk.settle(clerk.take("ready", "m-ready"), "retried")
    clerk.take("gone", "m-gone")
    clerk.expire("gone")
    # When messages of all of them and of a new one come in one batch
    jobs = ["new", "running", "done", "waiting", "ready", "gone"]
    judgements = clerk.claim(*[delivery(job, f"m-{job}") for job in jobs])
    # Then each is judged in its place
    assert [j.verdict for j in judgements] == [
        *(Verdict.TAKEN, Verdict.DEFERRED, Verdict.REDELIVERED),
        *(Verdict.DEFERRED, Verdict.TAKEN, Verdict.TAKEN),
    ]
    assert [j.claim.suspect for j in judgements if j.claim] == [False, False, True]


def test_a_job_twice_in_one_batch_runs_once(clerk: Clerk):
    """F16: the second message of a job is a duplicate, wherever it lies in the batch."""
    # Given a batch with two messages of one job among others
    batch = [delivery("j", "m-1"), delivery("k", "m-k"), delivery("j", "m-2")]
    # When it is claimed / Then the first one in order is taken
    assert clerk.judge(*batch) == [Verdict.TAKEN, Verdict.TAKEN, Verdict.DUPLICATE]


def test_one_message_twice_in_a_batch_runs_once(clerk: Clerk):
    """F16: SQS may deliver the very same message twice."""
    # Given the same message twice in one batch / When it is claimed
    [first, second] = clerk.claim(delivery("j", "m"), delivery("j", "m"))
    # Then one of the two holds the claim
    assert (first.verdict, second.verdict) == (Verdict.TAKEN, Verdict.DEFERRED)
    assert first.claim is not None
    assert clerk.settle(first.claim, "completed") is Status.COMPLETED
