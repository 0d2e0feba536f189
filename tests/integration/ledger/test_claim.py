"""What the ledger answers to a delivery that may run, and what it remembers of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
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


def test_text_that_postgres_cannot_hold_is_replaced(clerk: Clerk):
    """F13, F22: NUL and lone surrogates become U+FFFD; everything else is kept."""
    # Given params with such characters in keys and values
    params = {"a\x00": ["\ud800", "\u202eltr\r\n\x1b[31m"]}
    # When the job is claimed / Then it is recorded
    [judgement] = clerk.claim(delivery("j", params=params))
    assert judgement.verdict is Verdict.TAKEN
    assert clerk.row("j")["params"] == {"a\ufffd": ["\ufffd", "\u202eltr\r\n\x1b[31m"]}
