"""What was committed although nobody heard of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import psycopg2.errors
import pytest

from local.postgres import Postgres
from muster.errors import StoreUnavailable
from muster.model import Status, Verdict
from muster.store.ledger import Ledger
from tests.support.clerk import (
    MINUTE,
    Clerk,
    claim_one,
    claimant,
    database_of,
    delivery,
    ledger_at,
    outcome,
    query,
)
from tests.support.invariants import Held, history_holds
from tests.support.proxy import FaultProxy
from tests.support.timepiece import Timepiece
from tests.support.waiting import wait_until

_LOCK_ALL = "SELECT 1 FROM agent_job_execution FOR UPDATE"


def test_a_restart_in_the_middle_of_a_statement_leaves_no_half_rows(own_postgres: Postgres):
    """F31: one clean retry of the whole statement, on a new connection."""
    # Given a waiting job, and a claim of it and of a new one that waits for a lock
    url = own_postgres.url("muster")
    with closing(database_of(url, retry_seconds=300)) as database, ThreadPoolExecutor(1) as pool:
        ledger = Ledger(database)
        first = claim_one(ledger, "old", "m-old")
        assert first.claim is not None
        ledger.settle([outcome(first.claim, "retried")])
        blocker = psycopg2.connect(url)
        blocker.cursor().execute(_LOCK_ALL)
        batch = [delivery("new", "m-new"), delivery("old", "m-old")]
        call = pool.submit(ledger.claim, batch, claimant=claimant(), lease=MINUTE)
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: query(url, waits))
        # When the server crashes and comes back
        own_postgres.restart(immediate=True)
        blocker.close()
        # Then the claim succeeds, and each job was taken once
        judgements = call.result(300)
        assert [j.claim and (j.claim.fence, j.claim.attempt) for j in judgements] == [
            (1, 1),
            (2, 2),
        ]
    assert len(query(url, "SELECT 1 FROM job_key")) == 2
    assert history_holds(url) == []


@pytest.mark.parametrize("statement", ["claim_new", "claim_known"])
def test_a_lost_reply_of_a_claim_is_found_out_by_its_token(clerk: Clerk, statement: str):
    """F32: the claim was committed; the repeat returns the same rows, and nothing is written twice."""
    # Given a waiting job, and a network that loses the reply to one statement
    clerk.settle(clerk.take("old", "m-old"), "retried")
    with FaultProxy(clerk.url) as proxy, ledger_at(proxy.url) as ledger:
        proxy.cut_reply_to(f"EXECUTE {statement}")
        # When this job and a new one are claimed
        batch = [delivery("new", "m-new"), delivery("old", "m-old")]
        judgements = ledger.claim(batch, claimant=claimant(), lease=MINUTE)
        # Then both are held as if nothing had happened
        assert proxy.cuts == 1
    assert [j.claim and (j.claim.fence, j.claim.attempt) for j in judgements] == [(1, 1), (2, 2)]
    assert (clerk.story("new"), clerk.story("old")) == (
        ["claimed"],
        ["claimed", "retried", "claimed"],
    )
    for judgement in judgements:
        assert judgement.claim is not None
        assert clerk.settle(judgement.claim, "completed") is Status.COMPLETED


@pytest.mark.parametrize("kind", ["completed", "failed", "cancelled", "retried"])
def test_a_lost_reply_of_a_settlement_is_found_in_the_row(clerk: Clerk, kind: str):
    """F32: the outcome was committed; the repeat is answered as the first would have been."""
    # Given a running job / When the reply to its settlement is lost
    claim = clerk.take("j", "m")
    with FaultProxy(clerk.url) as proxy, ledger_at(proxy.url) as ledger:
        proxy.cut_reply_to("EXECUTE settle ")
        states = ledger.settle([outcome(claim, kind)])
        assert proxy.cuts == 1
    # Then the worker knows that it holds, and it was written once
    assert states == {claim.execution_id: outcome(claim, kind).status}
    assert clerk.story("j") == ["claimed", kind]


def test_a_lost_reply_of_a_dead_letters_note_is_harmless(clerk: Clerk):
    """F32: noted once, told once."""
    clerk.settle(clerk.take("j", "m"), "failed")
    [judgement] = clerk.claim(delivery("j", "m"))
    assert judgement.failure is not None
    with FaultProxy(clerk.url) as proxy, ledger_at(proxy.url) as ledger:
        proxy.cut_reply_to("EXECUTE dead_letters_sent")
        ledger.dead_letters_sent([judgement.failure])
        assert proxy.cuts == 1
    assert clerk.row("j")["dlq_pending"] is False


def test_a_refused_connection_is_told_in_time_and_mends_without_a_restart(clerk: Clerk):
    """F33: the same worker goes on as soon as the server is back."""
    clock = Timepiece(stopped=True)
    with (
        FaultProxy(clerk.url) as proxy,
        ledger_at(proxy.url, retry_seconds=0.5, clock=clock) as ledger,
    ):
        # Given a worker that has worked before
        assert claim_one(ledger, "before").verdict is Verdict.TAKEN
        # When the server goes away
        proxy.refuse()
        # Then each call says so within its bound
        for _ in range(2):
            began = clock.monotonic()
            with pytest.raises(StoreUnavailable, match="Postgres: "):
                claim_one(ledger, "during")
            assert 0 < clock.monotonic() - began < 0.5
        # And when it is back, the next call works
        proxy.open()
        assert claim_one(ledger, "during").verdict is Verdict.TAKEN


def test_no_fault_leaves_connections_behind(clerk: Clerk, postgres: Postgres):
    """I8: after refusals, cuts and black holes everything is as it was."""
    before = Held.now(clerk.url)
    with (
        FaultProxy(clerk.url) as proxy,
        ledger_at(proxy.url, call_seconds=5, retry_seconds=0.3) as ledger,
    ):
        faults: list[Callable[[], None]] = [proxy.refuse, proxy.swallow]
        for fault in faults:
            proxy.open()
            claim_one(ledger, fault.__name__)
            fault()
            with pytest.raises(StoreUnavailable):
                claim_one(ledger, "during")
    wait_until(lambda: Held.now(clerk.url) == before)
