"""How attempts end in the ledger, and who may say so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muster.model import ErrorRecord, Status, Verdict
from muster.store.ledger import Ledger
from tests.support.clerk import FAILURE, MINUTE, Clerk, database_of, delivery, outcome


def test_a_completed_attempt_leaves_its_result_and_metrics(clerk: Clerk):
    # Given a running job / When it is settled with a result
    claim = clerk.take("j", "m")
    state = clerk.settle(claim, "completed", result={"n": [1]}, metrics={"executionTime": 1.5})
    # Then the row holds them and nobody waits for it any more
    row = clerk.row("j")
    assert (state, row["status"]) == (Status.COMPLETED, "completed")
    assert (row["result"], row["metrics"]) == ({"n": [1]}, {"executionTime": 1.5})
    assert row["started_at"] <= row["completed_at"]
    assert (row["lease_expires_at"], row["relay_after"], row["dlq_pending"]) == (None, None, False)
    assert clerk.story("j") == ["claimed", "completed"]


@pytest.mark.parametrize("result", [None, [], "text", 0, False, {"deep": [[{}]]}])
def test_any_json_is_a_result(clerk: Clerk, result: object):
    claim = clerk.take("j")
    clerk.settle(claim, "completed", result=result)
    assert clerk.row("j")["result"] == result


def test_a_retry_waits_and_then_counts_as_the_next_attempt(clerk: Clerk):
    # Given an attempt that failed and is tried again in a minute
    claim = clerk.take("j", "m")
    state = clerk.settle(claim, "retried", delay=MINUTE, relay_delay=2 * MINUTE)
    # Then the row waits, with the error of that attempt and the time of its relay
    row = clerk.row("j")
    assert (state, row["status"], row["attempts"]) == (Status.PENDING, "pending", 1)
    assert (row["error"]["code"], row["error"]["retryable"]) == ("agent_error", True)
    assert row["available_at"] - row["updated_at"] == MINUTE
    assert row["relay_after"] - row["updated_at"] == 2 * MINUTE
    assert row["completed_at"] is None
    # And the next attempt is the second, under the next fence, and no suspect
    clerk.change("j", "available_at = now()")
    again = clerk.take("j", "m")
    assert (again.fence, again.attempt, again.suspect) == (2, 2, False)


@pytest.mark.parametrize("kind", ["snoozed", "handed_back"])
def test_what_is_given_back_costs_no_attempt_but_the_fence_rises(clerk: Clerk, kind: str):
    # Given a job of one attempt that is given back again and again
    for fence in range(1, 5):
        claim = clerk.take("j", "m", max_attempts=1)
        assert (claim.fence, claim.attempt) == (fence, 1)
        assert clerk.settle(claim, kind, refund=True, reason="waits") is Status.PENDING
    # Then no attempt is charged, the fence never fell, and the log tells each one
    row = clerk.row("j")
    assert (row["attempts"], row["fence"], row["reason"]) == (0, 4, "waits")
    assert clerk.story("j") == ["claimed", kind] * 4
    assert [e["attempt"] for e in clerk.events("j")] == [1] * 8


def test_a_suspect_that_is_handed_back_stays_one_until_it_ran(clerk: Clerk):
    # Given a suspect that was handed back without having run
    clerk.take("j", "m")
    clerk.expire("j")
    suspect = clerk.take("j", "m")
    clerk.settle(suspect, "handed_back", refund=True)
    # When it comes again / Then it is still one
    again = clerk.take("j", "m")
    assert (suspect.suspect, again.suspect, again.attempt) == (True, True, 2)
    # And once an attempt of it has ended, it is none any more
    clerk.settle(again, "retried")
    assert clerk.take("j", "m").suspect is False


def test_a_failure_owes_a_dead_letter_in_the_same_statement(clerk: Clerk):
    claim = clerk.take("j")
    assert clerk.settle(claim, "failed") is Status.FAILED
    row = clerk.row("j")
    assert (row["dlq_pending"], row["error"]["message"]) == (True, "it broke")
    assert row["completed_at"] is not None


def test_outcomes_of_a_batch_are_settled_together_and_told_apart(clerk: Clerk):
    # Given four running jobs, one of them lost to another worker since
    claims = [clerk.take(job) for job in ("a", "b", "c", "d")]
    clerk.expire("c")
    clerk.take("c", "other")
    # When all four are settled in one call
    kinds = ["completed", "retried", "completed", "failed"]
    states = clerk.ledger.settle([outcome(c, k) for c, k in zip(claims, kinds, strict=True)])
    # Then the lost one is missing from the answer and unchanged, the others are written
    assert [states.get(claim.execution_id) for claim in claims] == [
        *(Status.COMPLETED, Status.PENDING, None, Status.FAILED)
    ]
    assert clerk.row("c")["status"] == "running"


def test_settling_twice_after_a_lost_reply_is_answered_alike(clerk: Clerk):
    """F32: the reply of the first COMMIT was lost; the repeat finds it done and changes nothing."""
    # Given attempts that ended in every way, and were settled
    kinds = ["completed", "failed", "cancelled", "retried", "snoozed"]
    outcomes = [outcome(clerk.take(kind), kind) for kind in kinds]
    first = clerk.ledger.settle(outcomes)
    stories = [clerk.story(kind) for kind in kinds]
    # When the same call is made again
    second = clerk.ledger.settle(outcomes)
    # Then the answer is the same and the log has grown by nothing
    assert first == second
    assert [clerk.story(kind) for kind in kinds] == stories


@pytest.mark.parametrize("kind", ["completed", "failed", "cancelled", "retried", "handed_back"])
def test_a_zombie_cannot_settle_whatever_it_says(clerk: Clerk, kind: str):
    """F6, I3: after a rescue, a hand-back or a second claim the first fence is worth nothing."""
    # Given a claim whose job another worker took over
    zombie = clerk.take("j", "m")
    clerk.expire("j")
    heir = clerk.take("j", "m")
    # When the zombie settles, before and after the heir did
    assert clerk.settle(zombie, kind) is None
    assert clerk.settle(heir, "completed", result="heir") is Status.COMPLETED
    assert clerk.settle(zombie, kind) is None
    # Then only the heir's word stands
    assert (clerk.row("j")["result"], clerk.row("j")["fence"]) == ("heir", 2)
    assert clerk.story("j") == ["claimed", "lost", "claimed", "completed"]


@pytest.mark.parametrize("kind", ["completed", "failed", "cancelled"])
def test_a_claim_that_was_given_back_cannot_be_settled(clerk: Clerk, kind: str):
    # Given a claim that was handed back, and nobody has taken the job since
    claim = clerk.take("j", "m")
    clerk.settle(claim, "handed_back", refund=True)
    # When its holder settles all the same / Then it is refused
    assert clerk.settle(claim, kind) is None
    assert clerk.row("j")["status"] == "pending"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (first, second)
        for first in ("completed", "failed", "cancelled")
        for second in ("completed", "failed", "cancelled", "retried")
        if first != second  # the same word again is a repeat, and is answered as one
    ],
)
def test_terminal_rows_never_change(clerk: Clerk, first: str, second: str):
    """I4: not even for the worker that settled them."""
    # Given a finished job
    claim = clerk.take("j", "m")
    clerk.settle(claim, first)
    before = clerk.row("j")
    # When its worker changes its mind / Then the row is as it was, to the last column
    assert clerk.settle(claim, second) in (None, Status(first))
    assert clerk.row("j") == before


def test_late_but_unopposed_work_is_accepted(clerk: Clerk):
    # Given a worker whose lease is over, while nobody has noticed
    claim = clerk.take("j", "m")
    clerk.expire("j")
    # When it settles / Then its work counts: it still holds the highest fence
    assert clerk.settle(claim, "completed") is Status.COMPLETED


def test_a_checkpoint_is_kept_for_the_next_attempt_under_its_fence(clerk: Clerk):
    # Given a worker that saved its progress twice and vanished
    zombie = clerk.take("j", "m")
    assert clerk.ledger.checkpoint(zombie, {"page": 1})
    assert clerk.ledger.checkpoint(zombie, {"page": 2, "nul": "\x00"})
    clerk.expire("j")
    # When another one takes over / Then it finds the latest progress
    heir = clerk.take("j", "m")
    assert heir.state == {"page": 2, "nul": "\ufffd"}
    # And the zombie cannot save any more
    assert not clerk.ledger.checkpoint(zombie, {"page": 99})
    clerk.settle(heir, "retried")
    assert not clerk.ledger.checkpoint(heir, {"page": 99})
    assert clerk.row("j")["state"] == {"page": 2, "nul": "\ufffd"}


def test_an_error_of_any_text_is_stored(clerk: Clerk):
    """F13: NUL, surrogates, control characters and size do no harm."""
    nasty = "\x00\ud800\r\n\x1b[31m\u202e" + "x" * 10_000
    error = ErrorRecord(message=nasty, code="odd", retryable=False, stack=nasty)
    claim = clerk.take("j")
    assert clerk.settle(claim, "failed", error=error) is Status.FAILED
    assert clerk.row("j")["error"]["message"].startswith("\ufffd\ufffd\r\n\x1b[31m")


def test_a_dead_letter_is_noted_once_and_only_for_its_own_failure(clerk: Clerk):
    # Given a failure whose dead letter was sent
    claim = clerk.take("j", "m")
    clerk.settle(claim, "failed")
    [judgement] = clerk.claim(delivery("j", "m"))
    assert judgement.failure is not None
    clerk.ledger.dead_letters_sent([judgement.failure])
    assert clerk.row("j")["dlq_pending"] is False
    # When the job was redriven and failed again / Then noting the old letter does not hide the new one
    clerk.settle(clerk.take_redrive("j", fence=1), "failed")
    clerk.ledger.dead_letters_sent([judgement.failure])
    assert clerk.row("j")["dlq_pending"] is True


def test_nothing_to_settle_asks_nobody():
    nowhere = Ledger(database_of("postgresql://nobody@127.0.0.1:9/none"))
    assert nowhere.settle([]) == {}


def test_a_long_delay_is_kept(clerk: Clerk):
    claim = clerk.take("j")
    clerk.settle(claim, "retried", error=FAILURE, delay=timedelta(days=30))
    row = clerk.row("j")
    assert row["available_at"] - row["updated_at"] == timedelta(days=30)
    assert clerk.judge(delivery("j", row["holder"])) == [Verdict.DEFERRED]
