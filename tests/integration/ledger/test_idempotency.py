"""One job id, one execution: across time, partitions, batches and processes."""

from __future__ import annotations

from collections import Counter

import pytest

from muster.model import Status, Verdict
from tests.support.clerk import Clerk, delivery
from tests.support.invariants import history_holds
from tests.support.racers import Racers


def test_a_job_of_last_month_is_known_in_this_one(clerk: Clerk):
    """S4: the unique key holds across two time partitions, which no constraint of the ledger could."""
    # Given a completed job and a waiting one, both of last month
    clerk.settle(clerk.take("done", "m-done"), "completed", result="once")
    clerk.settle(clerk.take("waits", "m-waits"), "retried")
    clerk.query("SELECT muster_ensure_partitions_v1(now() - interval '1 month', 0)")
    for table in ("job_key", "agent_job_execution"):
        clerk.query(f"UPDATE {table} SET created_at = created_at - interval '1 month'")
    # When both are delivered again, and a new one is
    [done, waits, new] = clerk.claim(*[delivery(job, "x") for job in ("done", "waits", "new")])
    # Then the old ones are recognised
    assert [j.verdict for j in (done, waits, new)] == [
        *(Verdict.DUPLICATE, Verdict.TAKEN, Verdict.TAKEN)
    ]
    # And what goes on goes on in its own partition
    assert waits.claim is not None
    assert clerk.settle(waits.claim, "completed") is Status.COMPLETED
    rows = clerk.query("SELECT job_id, tableoid::regclass::text AS place FROM agent_job_execution")
    places = {row["job_id"]: row["place"] for row in rows}
    assert len(rows) == 3
    assert places["done"] == places["waits"] != places["new"]


def test_two_agents_may_use_the_same_job_id(clerk: Clerk):
    assert clerk.judge(delivery("j")) == [Verdict.TAKEN]
    assert clerk.judge(delivery("j"), agent_id="another") == [Verdict.TAKEN]


@pytest.mark.parametrize(
    ("same_message", "loser"), [(False, Verdict.DUPLICATE), (True, Verdict.DEFERRED)]
)
def test_of_processes_that_claim_a_job_at_once_exactly_one_gets_it(
    database_url: str, same_message: bool, loser: Verdict
):
    """F16: four processes, started by a barrier, 200 rounds in all."""
    # Given four processes
    with Racers(database_url, count=4) as racers:
        # When in each round all of them claim the same new job at once
        rounds = [
            racers.race([[(f"job-{n}", f"m-{'' if same_message else r}")] for r in range(4)])
            for n in range(100)
        ]
    # Then one of them has it, and the others know why they have not
    expected = Counter({Verdict.TAKEN: 1, loser: 3})
    assert [Counter(v for own in verdicts for v in own) for verdicts in rounds] == [expected] * 100
    assert history_holds(database_url) == []


def test_a_job_fifty_times_at_once_runs_once(database_url: str):
    """F16, S4: fifty messages of one job, ten to a batch, five processes at once."""
    with Racers(database_url, count=5) as racers:
        for n in range(10):
            batches = [[(f"job-{n}", f"m-{r}-{i}") for i in range(10)] for r in range(5)]
            verdicts = Counter(v for own in racers.race(batches) for v in own)
            assert verdicts == {Verdict.TAKEN: 1, Verdict.DUPLICATE: 49}


def test_batches_that_overlap_in_every_order_do_not_block_each_other(database_url: str):
    """F37: the same ten jobs, claimed at once in orders of their own, new and known ones."""
    with Racers(database_url, count=4) as racers:
        for n in range(20):
            jobs = [(f"job-{n}-{i}", f"m-{n}-{i}") for i in range(10)]
            orders = [jobs, jobs[::-1], jobs[5:] + jobs[:5], jobs[::2] + jobs[1::2]]
            verdicts = Counter(v for own in racers.race(orders) for v in own)
            assert verdicts == {Verdict.TAKEN: 10, Verdict.DEFERRED: 30}
    assert history_holds(database_url) == []
