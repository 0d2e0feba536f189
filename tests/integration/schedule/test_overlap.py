"""Overlap: what a fire does that comes while another run of its schedule has not ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from muster.model import Claim, Judgement, Verdict
from muster.store.ledger import Ledger
from tests.support.clerk import MINUTE, claimant, database_of, delivery, outcome, query
from tests.support.schedules import Timetable

#: How long a fire that waits is looked at again by its own message; later the relay sends another.
PATIENCE = timedelta(seconds=30)


def _fires(timetable: Timetable, overlap: str, *, count: int = 2) -> list[str]:
    """Jobs of a schedule's fires that are due, in the order in which they were planned."""
    timetable.add(kind="every", expression="10s", overlap=overlap)
    timetable.change("next_at = to_timestamp(ceil(extract(epoch FROM now()) / 10) * 10 + 60)")
    for _ in range(count):
        timetable.shop.duties().all()[0].page()
    timetable.change("next_at = now() + interval '1 day'")
    timetable.shop.clerk.query("UPDATE agent_job_execution SET available_at = now()")
    return [fire["job_id"] for fire in timetable.fires()]


def _waited(timetable: Timetable, time: timedelta) -> None:
    timetable.shop.clerk.query(
        "UPDATE agent_job_execution SET available_at = available_at - %s WHERE fence = 0", time
    )


def _judge(timetable: Timetable, job_id: str) -> Judgement:
    [judgement] = timetable.shop.clerk.claim(delivery(job_id, params=None))
    return judgement


def _take(timetable: Timetable, job_id: str) -> Claim:
    claim = _judge(timetable, job_id).claim
    assert claim is not None
    return claim


def _state(timetable: Timetable, job_id: str) -> tuple[str, str | None]:
    row = timetable.shop.clerk.row(job_id)
    return row["status"], row["reason"]


def test_allow_lets_fires_run_side_by_side(timetable: Timetable):
    first, second = _fires(timetable, "allow")

    assert _judge(timetable, first).verdict is Verdict.TAKEN
    assert _judge(timetable, second).verdict is Verdict.TAKEN


def test_fault_48_skip_calls_a_fire_off_while_another_runs(timetable: Timetable):
    # Given a run of the schedule
    first, second = _fires(timetable, "skip")
    running = _take(timetable, first)

    # When the next fire comes
    assert _judge(timetable, second).verdict is Verdict.CANCELLED

    # Then it is recorded as what it was
    assert _state(timetable, second) == ("cancelled", "overlap")
    assert timetable.shop.clerk.story(second) == ["created", "cancelled"]
    assert timetable.shop.clerk.settle(running, "completed") is not None


def test_skip_counts_a_run_that_waits_for_its_retry(timetable: Timetable):
    first, second, third = _fires(timetable, "skip", count=3)
    timetable.shop.clerk.settle(_take(timetable, first), "retried")

    assert _judge(timetable, second).verdict is Verdict.CANCELLED

    # And the retry itself goes on, after which the next fire runs
    timetable.shop.clerk.settle(_take(timetable, first), "completed")
    assert _judge(timetable, third).verdict is Verdict.TAKEN


def test_fault_48_queue_lets_a_fire_wait_for_the_end_of_the_run_before(timetable: Timetable):
    # Given a run of the schedule
    first, second = _fires(timetable, "queue")
    running = _take(timetable, first)

    # While it runs the next one's message comes again and again
    judgement = _judge(timetable, second)
    assert judgement.verdict is Verdict.DEFERRED
    assert timedelta(seconds=3) <= judgement.wait <= timedelta(seconds=15)
    assert _state(timetable, second) == ("pending", None)

    # And when it has ended the next one runs
    timetable.shop.clerk.settle(running, "completed")
    assert _judge(timetable, second).verdict is Verdict.TAKEN


def test_a_fire_that_waits_for_long_costs_its_queue_no_receives(timetable: Timetable):
    """Its message is let go; the dispatcher sends another as soon as the run before has ended."""
    # Given a fire that has waited for a while
    first, second, third = _fires(timetable, "queue", count=3)
    timetable.shop.memory.stored[timetable.shop.lane].clear()
    running = _take(timetable, first)
    _waited(timetable, PATIENCE)
    assert _judge(timetable, second).verdict is Verdict.QUEUED
    assert _judge(timetable, third).verdict is Verdict.QUEUED
    assert _state(timetable, second) == ("pending", "awaits_turn")

    # While the run goes on a tick sends nothing; afterwards it sends the fire that was planned first
    timetable.shop.tick()
    assert timetable.shop.lane_jobs() == []
    timetable.shop.clerk.settle(running, "completed")
    timetable.shop.tick()
    assert timetable.shop.lane_jobs() == [second]

    # And each runs in its turn
    timetable.shop.clerk.settle(_take(timetable, second), "completed")
    timetable.shop.tick()
    assert timetable.shop.lane_jobs() == [second, third]
    assert _judge(timetable, third).verdict is Verdict.TAKEN


def test_queue_keeps_the_order_in_which_fires_were_planned(timetable: Timetable):
    # Given two fires of which none runs
    first, second = _fires(timetable, "queue")

    # When the later one's message comes first
    assert _judge(timetable, second).verdict is Verdict.DEFERRED

    # Then the earlier one runs before it
    timetable.shop.clerk.settle(_take(timetable, first), "completed")
    assert _judge(timetable, second).verdict is Verdict.TAKEN


@pytest.mark.parametrize(
    ("overlap", "others"), [("skip", Verdict.CANCELLED), ("queue", Verdict.DEFERRED)]
)
def test_of_one_batch_only_the_first_runs(overlap: str, others: Verdict, timetable: Timetable):
    jobs = _fires(timetable, overlap, count=3)

    verdicts = timetable.shop.clerk.judge(*[delivery(job, params=None) for job in reversed(jobs)])

    assert verdicts == [others, others, Verdict.TAKEN]


def test_a_redrive_waits_for_its_turn_too(timetable: Timetable):
    first, second = _fires(timetable, "skip")
    failed = _take(timetable, first)
    timetable.shop.clerk.settle(failed, "failed")
    running = _take(timetable, second)
    letter = delivery(first, params=None, dead_letter_fence=failed.fence)

    assert timetable.shop.clerk.judge(letter) == [Verdict.DEFERRED]
    assert _state(timetable, first)[0] == "failed"

    timetable.shop.clerk.settle(running, "completed")
    assert timetable.shop.clerk.judge(letter) == [Verdict.TAKEN]


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_fault_48_two_runs_never_overlap_while_ends_race_with_claims(
    overlap: str, timetable: Timetable
):
    """Four workers take and settle the fires of one schedule as fast as they can."""
    jobs = _fires(timetable, overlap, count=24)
    workers = 4
    barrier = Barrier(workers)
    seen: list[int] = []

    def work(number: int) -> None:
        with closing(database_of(timetable.shop.clerk.url)) as database:
            ledger, who = Ledger(database), claimant(worker=f"worker-{number}")
            barrier.wait(120)
            # Queued fires come again; what was skipped does not.
            for job in jobs * (4 if overlap == "queue" else 1):
                [judged] = ledger.claim(
                    [delivery(job, f"{job}-{number}", params=None)], claimant=who, lease=MINUTE
                )
                if judged.claim is not None:
                    seen.append(_running(timetable))
                    _complete(ledger, judged.claim)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))

    # Then no moment saw two of them running, and none ran twice
    assert seen
    assert set(seen) == {1}
    rows = timetable.fires()
    assert {row["fence"] for row in rows if row["status"] == "completed"} == {1}
    assert {row["status"] for row in rows} <= {"completed", "cancelled", "pending"}


def _running(timetable: Timetable) -> int:
    [row] = query(
        timetable.shop.clerk.url,
        "SELECT count(*) AS n FROM agent_job_execution WHERE status = 'running'",
    )
    return row["n"]


def _complete(ledger: Ledger, claim: Claim) -> Any:
    return ledger.settle([outcome(claim, "completed")])
