"""Overlap, where workers outside take the fires: the policies are those of a claim by message."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier

import pytest

from muster.keys.access import Hold
from muster.model import Claim, Verdict
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.outside_work import OutsideWork, Taken
from tests.support.clerk import AGENT, MINUTE, claimant, database_of, delivery, held, outcome, query
from tests.support.schedules import Timetable

HOUR = timedelta(hours=1)


def _fires(timetable: Timetable, overlap: str, *, count: int = 2, name: str = "job") -> list[str]:
    """Jobs of a schedule's fires that are due, in the order in which they were planned."""
    timetable.add(name, kind="every", expression="10s", overlap=overlap)
    timetable.change("next_at = to_timestamp(ceil(extract(epoch FROM now()) / 10) * 10 + 60)", name)
    for _ in range(count):
        timetable.shop.duties().all()[0].page()
    timetable.change("next_at = now() + interval '1 day'", name)
    timetable.shop.clerk.query("UPDATE agent_job_execution SET available_at = now()")
    return [fire["job_id"] for fire in timetable.fires(name)]


def _take(database: Database, count: int = 1) -> list[Taken]:
    work = OutsideWork(database, tenant="default")
    return work.take(agent_id=AGENT, count=count, worker="laptop", lease=MINUTE)


def _jobs(timetable: Timetable, count: int = 1) -> list[str]:
    return [taken.job_id for taken in _take(timetable.shop.clerk.database, count)]


def _claim_of(database: Database, taken: Taken) -> Claim:
    hold = Hold(
        execution_id=taken.execution_id,
        created_at=taken.created_at,
        fence=taken.fence,
        deadline=taken.lease_expires_at + HOUR,
        lease=MINUTE,
    )
    attempted = OutsideWork(database, tenant="default").attempted(hold)
    assert attempted is not None
    return attempted.claim


def _end(timetable: Timetable, job_id: str, kind: str = "completed") -> None:
    row = timetable.shop.clerk.row(job_id)
    hold = Hold(
        execution_id=str(row["execution_id"]),
        created_at=row["created_at"],
        fence=row["fence"],
        deadline=row["lease_expires_at"],
        lease=MINUTE,
    )
    work = OutsideWork(timetable.shop.clerk.database, tenant="default")
    attempted = work.attempted(hold)
    assert attempted is not None
    assert timetable.shop.clerk.settle(attempted.claim, kind) is not None


def _state(timetable: Timetable, job_id: str) -> tuple[str, str | None]:
    row = timetable.shop.clerk.row(job_id)
    return row["status"], row["reason"]


def test_allow_lets_fires_run_side_by_side(timetable: Timetable):
    fires = _fires(timetable, "allow")

    assert sorted(_jobs(timetable, 5)) == fires


def test_skip_calls_a_fire_off_while_another_runs(timetable: Timetable):
    # Given a run of the schedule
    first, second = _fires(timetable, "skip")
    assert _jobs(timetable) == [first]

    # When a worker asks for more
    assert _jobs(timetable) == []

    # Then the next fire is recorded as what it was
    assert _state(timetable, second) == ("cancelled", "overlap")
    assert timetable.shop.clerk.story(second) == ["created", "cancelled"]


def test_skip_counts_a_run_that_waits_for_its_retry(timetable: Timetable):
    # Given a run that failed and is to be tried again, and another fire
    first, second = _fires(timetable, "skip")
    assert _jobs(timetable) == [first]
    _end(timetable, first, "retried")
    timetable.shop.clerk.change(first, "available_at = now()")

    # When workers ask: the retry goes on, the fire does not begin
    assert _jobs(timetable, 5) == [first]
    assert _state(timetable, second) == ("cancelled", "overlap")


def test_queue_lets_a_fire_wait_for_the_end_of_the_run_before(timetable: Timetable):
    # Given a run of the schedule
    first, second, third = _fires(timetable, "queue", count=3)
    assert _jobs(timetable, 5) == [first]

    # While it runs nobody is given another, and nothing becomes of them
    assert _jobs(timetable, 5) == []
    assert _state(timetable, second) == ("pending", None)

    # And when it has ended the one that was planned first comes first
    _end(timetable, first)
    assert _jobs(timetable, 5) == [second]
    _end(timetable, second)
    assert _jobs(timetable, 5) == [third]


def test_a_fire_whose_message_was_let_go_is_taken_in_its_turn(timetable: Timetable):
    """A worker inside ran the one before; the row was marked as waiting by a claim."""
    first, second = _fires(timetable, "queue")
    running = timetable.shop.clerk.take(first)
    timetable.shop.clerk.query(
        "UPDATE agent_job_execution SET available_at = available_at - interval '1 minute'"
        " WHERE fence = 0"
    )
    assert timetable.shop.clerk.judge(delivery(second, params=None)) == [Verdict.QUEUED]
    assert _jobs(timetable, 5) == []

    timetable.shop.clerk.settle(running, "completed")
    assert _jobs(timetable, 5) == [second]
    assert _state(timetable, second) == ("running", None)


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_what_is_hindered_keeps_nobody_from_what_waits_behind_it(
    overlap: str, timetable: Timetable
):
    # Given a run, more fires of its schedule, and behind them another schedule's
    first, *hindered = _fires(timetable, overlap, count=4)
    assert _jobs(timetable) == [first]
    [other] = _fires(timetable, overlap, count=1, name="other")
    timetable.shop.clerk.query(
        "UPDATE agent_job_execution SET available_at = now() - interval '1 minute'"
        " WHERE schedule = 'job'"
    )

    # When a worker asks for one job, then it gets that
    assert _jobs(timetable) == [other]
    expected = {"skip": "cancelled", "queue": "pending"}[overlap]
    assert {_state(timetable, job)[0] for job in hindered} == {expected}


def test_a_schedule_that_a_message_is_judged_for_just_now_is_passed_over(timetable: Timetable):
    # Given somebody who decides about the schedule, and has not committed yet
    [fire] = _fires(timetable, "skip", count=1)
    database = timetable.shop.clerk.database
    lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
    with held(timetable.shop.clerk.url, lock, f"muster:schedule:{AGENT}:default:job"):
        # When a worker asks, then it is not kept waiting
        assert _take(database) == []
    # And afterwards it gets the fire
    assert [taken.job_id for taken in _take(database)] == [fire]


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_fault_48_two_runs_never_overlap_while_messages_race_with_workers_outside(
    overlap: str, timetable: Timetable
):
    """Two workers claim by messages, two take what waits, all as fast as they can."""
    jobs = _fires(timetable, overlap, count=24)
    workers = 4
    barrier = Barrier(workers)
    seen: list[int] = []

    def begin(ledger: Ledger, database: Database, number: int, job: str) -> Claim | None:
        if number % 2:
            return next((_claim_of(database, taken) for taken in _take(database, 2)), None)
        [judged] = ledger.claim(
            [delivery(job, f"{job}-{number}", params=None)],
            claimant=claimant(worker=f"worker-{number}"),
            lease=MINUTE,
        )
        return judged.claim

    def work(number: int) -> None:
        with closing(database_of(timetable.shop.clerk.url)) as database:
            ledger = Ledger(database)
            barrier.wait(120)
            for job in jobs * (4 if overlap == "queue" else 1):
                claim = begin(ledger, database, number, job)
                if claim is not None:
                    seen.append(_running(timetable))
                    ledger.settle([outcome(claim, "completed")])

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))

    # Then no moment saw two of them running, and none ran twice
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
