"""Messages that come again although their job is done, running or of unknown outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from muster.execution.disposition import ACKNOWLEDGE, KEEP, Fate
from muster.job import Job
from tests.support.clerk import database_of
from tests.support.proxy import FaultProxy
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
MINUTE = timedelta(minutes=1)


def test_a_delete_that_was_lost_after_success_runs_nothing_again(workshop: MakeWorkshop):
    """F14: the redelivery is recognised and acknowledged; one effect."""
    # Given a completed job whose delete never reached SQS
    shop = workshop()
    shop.send("j")
    assert shop.deliver(lose_deletes=True) == [ACKNOWLEDGE]
    shop.skip(MINUTE)
    # When its message comes again / Then it is acknowledged without running
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.story("j") == ["claimed", "completed", "redelivered"]
    assert shop.metrics.counts["Duplicates"] == 0
    assert shop.problems(at_rest=True) == []


def test_a_delete_that_was_lost_after_a_failure_buries_nothing_again(workshop: MakeWorkshop):
    """F14: one dead letter, however often the message returns."""

    def behaviour(job: Job) -> None:
        raise ValueError("no")

    shop = workshop(behaviour=behaviour, max_attempts=1)
    shop.send("j")
    for _ in range(3):
        assert shop.deliver(lose_deletes=True) == [ACKNOWLEDGE]
        shop.skip(MINUTE)
    assert len(shop.letters()) == 1


def test_a_ledger_that_goes_away_after_the_effect_keeps_the_message(
    workshop: MakeWorkshop, database_url: str
):
    """F15: nothing is acknowledged; the redelivery decides by the ledger, and the outcome is one."""
    # Given a worker whose database goes away between a job's effect and its settlement
    with FaultProxy(database_url) as proxy:

        def behaviour(job: Job) -> str:
            shop.effect(job.id)
            if job.attempt == 1:
                proxy.refuse()
            return f"attempt {job.attempt}"

        database = database_of(proxy.url, call_seconds=60, retry_seconds=0.6)
        shop = workshop(proxy.url, behaviour=behaviour, database=database)
        shop.send("j", "k")
        # When the batch is delivered / Then both messages are kept
        assert shop.deliver() == [KEEP, KEEP]
        assert "ledger away, messages are kept" in shop.log.everything()
        assert shop.problems() == []
        # And when it is back and the lease is over, each job ends once
        proxy.open()
        shop.behaviour = None
        shop.skip(2 * MINUTE)
        shop.settle_down()
    assert shop.problems(at_rest=True, repeats=("j", "k")) == []
    assert shop.clerk.row("j")["result"] == {"attempt": 2}
    assert shop.clerk.story("j").count("completed") == 1


def test_a_settlement_whose_reply_is_lost_is_settled_once(
    workshop: MakeWorkshop, database_url: str
):
    """F15, F32: the worker finds out that it was written, and acknowledges."""
    with FaultProxy(database_url) as proxy:
        shop = workshop(proxy.url)
        shop.send("j")
        proxy.cut_reply_to("EXECUTE settle ")
        assert shop.deliver() == [ACKNOWLEDGE]
        assert proxy.cuts == 1
    assert shop.clerk.story("j") == ["claimed", "completed"]
    assert shop.problems(at_rest=True) == []


def test_a_worker_without_a_ledger_acknowledges_nothing_and_runs_nothing(
    workshop: MakeWorkshop, database_url: str
):
    """F33: no receive count is burnt by running; the same worker goes on when the ledger is back."""
    with FaultProxy(database_url) as proxy:
        pauses = Timepiece(stopped=True)
        database = database_of(proxy.url, retry_seconds=0.5, clock=pauses)
        shop = workshop(proxy.url, database=database)
        worker = shop.worker()
        shop.send("a", "b")
        shop.send_body("not json")
        # When the database refuses connections / Then every message is kept, the bad one too
        proxy.refuse()
        assert shop.deliver(worker=worker) == [KEEP] * 3
        assert shop.clerk.query("SELECT 1 FROM effect") == []
        assert shop.letters() == []
        # And when it is back all is done without another pause
        proxy.open()
        shop.skip(MINUTE)
        paused = pauses.skipped
        assert shop.deliver(worker=worker) == [ACKNOWLEDGE] * 3
        assert pauses.skipped == paused
    assert shop.problems(at_rest=True) == []


def test_a_message_that_comes_too_early_waits_for_the_lease(workshop: MakeWorkshop):
    # Given a job that another worker runs, whose message became visible all the same
    shop = workshop()
    shop.send("j")
    [message] = shop.queues.receive(shop.lane, wait=timedelta(0), visibility=timedelta(0))
    claim = shop.clerk.take("j", message.message_id, lease=10 * MINUTE)
    # When it is delivered / Then it returns when the lease is over, and does not run
    [fate] = shop.deliver()
    assert fate.fate is Fate.RETURN
    assert 9 * MINUTE < fate.after <= 10 * MINUTE
    # And the other worker's result stands
    shop.clerk.settle(claim, "completed", result="first")
    shop.skip(10 * MINUTE)
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.row("j")["result"] == "first"


def test_a_cancelled_job_is_acknowledged_without_running(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        raise ValueError("not yet")

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    shop.deliver()
    shop.ledger.cancel(agent_id="tester", job_id="j", reason="not needed")
    shop.behaviour = None
    shop.skip(MINUTE)
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.row("j")["status"] == "cancelled"
    assert shop.clerk.query("SELECT 1 FROM effect") == []


def test_a_job_that_is_cancelled_while_it_runs_is_not_tried_again(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        shop.clerk.ledger.cancel(agent_id="tester", job_id=job.id, reason="x")
        raise ValueError("and it fails")

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.row("j")["status"] == "cancelled"
    assert shop.letters() == []
