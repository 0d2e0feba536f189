"""What the ledger answers to a delivery, verdict by verdict."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from muster.model import Delivery, Judgement, Status, Verdict
from muster.store.ledger import Ledger
from tests.support.clerk import MINUTE, Clerk, claimant, database_of, delivery, held
from tests.support.waiting import wait_until

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


def test_a_new_job_is_taken_with_all_that_its_message_said(clerk: Clerk):
    # Given a message that says everything a message can
    message = delivery("j", "m", **_DETAILS)
    # When it is claimed
    [judgement] = clerk.claim(
        message, lease=MINUTE, log_stream="stream", code_version="code", worker="w-7"
    )
    # Then this worker holds the first attempt under fence 1, for the length of the lease
    claim = judgement.claim
    assert judgement.verdict is Verdict.TAKEN
    assert claim is not None
    assert (claim.fence, claim.attempt, claim.max_attempts) == (1, 1, 3)
    assert (claim.suspect, claim.state, claim.params) == (False, None, _DETAILS["params"])
    assert (claim.tenant, claim.priority, claim.source, claim.hops) == ("acme", "high", "api", 2)
    assert claim.queued_at == _DETAILS["sent_at"]
    # And the row says the same
    row = clerk.row("j")
    assert row["lease_expires_at"] - row["started_at"] == MINUTE
    assert (row["status"], row["fence"], row["attempts"]) == ("running", 1, 1)
    assert {name: row[name] for name in ("tenant", "params", "priority", "source")} == {
        name: _DETAILS[name] for name in ("tenant", "params", "priority", "source")
    }
    assert row["scheduled_for"] == _DETAILS["scheduled_for"]
    assert (row["holder"], row["worker"], row["log_stream"]) == ("m", "w-7", "stream")
    assert (row["agent_version"], row["code_version"]) == ("1.0.0", "code")
    assert clerk.story("j") == ["claimed"]


def test_a_second_claim_of_the_same_kind_tells_the_same_as_the_first(clerk: Clerk):
    # Given a claim of a new job, and its worker lost
    [first] = clerk.claim(delivery("j", "m", **_DETAILS))
    clerk.expire("j")
    # When its message comes back
    [second] = clerk.claim(delivery("j", "m", params=None))
    # Then the second claim says what the first one said, from the row
    assert first.claim is not None
    assert second.claim is not None
    same = ("execution_id", "created_at", "agent_id", "job_id", "tenant", "agent_version")
    same += ("max_attempts", "params", "message_id", "priority", "source", "traceparent", "hops")
    same += ("queued_at", "state")
    assert {n: getattr(first.claim, n) for n in same} == {n: getattr(second.claim, n) for n in same}


def test_a_claim_repeated_after_a_lost_reply_returns_the_same_claim(clerk: Clerk):
    """F32: the claim token makes the repeat recognisable, for new and for known jobs."""
    # Given a new job and one that waits for its second attempt, both claimed under one token
    token = str(uuid4())
    old = clerk.take("old", "m-old")
    clerk.settle(old, "retried")
    batch = [delivery("new", "m-new"), delivery("old", "m-old")]
    first = _claim_with_token(clerk, batch, token)
    # When the very same call is made again
    second = _claim_with_token(clerk, batch, token)
    # Then it returns the very same claims, and nothing was raised or logged twice
    assert [j.claim for j in first] == [j.claim for j in second]
    assert [j.claim and (j.claim.fence, j.claim.attempt) for j in second] == [(1, 1), (2, 2)]
    assert clerk.story("new") == ["claimed"]
    assert clerk.story("old") == ["claimed", "retried", "claimed"]


def test_a_claim_repeated_while_its_first_try_still_runs_returns_its_fence(clerk: Clerk):
    """F32, F35: the client gave the first try up, the server did not."""
    # Given a job that waits for its second attempt, its row locked by somebody
    clerk.settle(clerk.take("j", "m"), "retried")
    token = str(uuid4())
    with ThreadPoolExecutor(2) as pool:
        with held(clerk.url, "SELECT 1 FROM agent_job_execution FOR UPDATE"):
            # When the same call is made twice, the second one before the first can end
            calls = [
                pool.submit(_claim_with_token, clerk, [delivery("j", "m")], token) for _ in range(2)
            ]
            wait_until(lambda: clerk.waiting_sessions() == 2)
        [[first], [second]] = [call.result() for call in calls]
    # Then both are told the fence that the row has now
    assert first.claim == second.claim
    assert first.claim is not None
    assert (first.claim.fence, first.claim.attempt) == (2, 2)
    assert clerk.settle(first.claim, "completed") is Status.COMPLETED


def _claim_with_token(clerk: Clerk, batch: list[Delivery], token: str) -> list[Judgement]:
    database = database_of(clerk.url)
    try:
        ledger = Ledger(database, new_token=lambda: token)
        return ledger.claim(batch, claimant=claimant(), lease=MINUTE)
    finally:
        database.close()


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


def test_a_vanished_attempt_is_charged_and_the_next_one_is_a_suspect(clerk: Clerk):
    """F1, F27: a running row is given up when its own lease ends, not after a fixed time."""
    # Given a job whose worker vanished
    clerk.take("j", "m")
    clerk.expire("j")
    # When any message of it comes
    claim = clerk.take("j", "other")
    # Then it is the second attempt under a higher fence, to be run alone
    assert (claim.fence, claim.attempt, claim.suspect) == (2, 2, True)
    assert clerk.story("j") == ["claimed", "lost", "claimed"]
    assert [(e["from_status"], e["to_status"]) for e in clerk.events("j")] == [
        (None, "running"),
        ("running", "pending"),
        ("pending", "running"),
    ]


def test_a_job_whose_last_attempt_vanished_fails_as_lost(clerk: Clerk):
    # Given a job with one attempt, whose worker vanished
    clerk.take("j", "m", max_attempts=1)
    clerk.expire("j")
    # When its message comes back
    [judgement] = clerk.claim(delivery("j", "m"))
    # Then it failed, and its dead letter is due
    assert judgement.verdict is Verdict.EXHAUSTED
    assert judgement.failure is not None
    assert judgement.failure.error["code"] == "lost"
    row = clerk.row("j")
    assert (row["status"], row["attempts"], row["fence"], row["dlq_pending"]) == (
        *("failed", 1, 1),
        True,
    )
    assert row["completed_at"] is not None
    assert clerk.story("j") == ["claimed", "failed"]


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


def test_a_message_without_params_of_an_unrecorded_job_is_unknown(clerk: Clerk):
    # Given no such job / When a message names it without its params
    assert clerk.judge(delivery("j", params=None)) == [Verdict.UNKNOWN]
    # Then nothing was recorded
    assert clerk.query("SELECT 1 FROM job_key") == []


def test_a_message_without_params_finds_them_in_the_row(clerk: Clerk):
    # Given a job recorded by whoever triggers it, to be sent by the relay
    clerk.query(
        "WITH k AS (INSERT INTO job_key (agent_id, job_id, execution_id)"
        " VALUES ('tester', 'j', gen_random_uuid()) RETURNING *)"
        " INSERT INTO agent_job_execution (execution_id, created_at, job_id, agent_id, params)"
        ' SELECT execution_id, created_at, job_id, agent_id, \'{"from": "row"}\' FROM k'
    )
    # When a message names it
    [judgement] = clerk.claim(delivery("j", params=None))
    # Then it runs with the params of the row
    assert judgement.claim is not None
    assert judgement.claim.params == {"from": "row"}
    assert (judgement.claim.fence, judgement.claim.attempt) == (1, 1)


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


def test_text_that_postgres_cannot_hold_is_replaced(clerk: Clerk):
    """F13, F22: NUL and lone surrogates become U+FFFD; everything else is kept."""
    # Given params with such characters in keys and values
    params = {"a\x00": ["\ud800", "\u202eltr\r\n\x1b[31m"]}
    # When the job is claimed / Then it is recorded
    [judgement] = clerk.claim(delivery("j", params=params))
    assert judgement.verdict is Verdict.TAKEN
    assert clerk.row("j")["params"] == {"a\ufffd": ["\ufffd", "\u202eltr\r\n\x1b[31m"]}
