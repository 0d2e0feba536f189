"""A batch under time pressure, with suspects, and what its neighbours feel of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from muster.crashpoint import CrashPointReached
from muster.execution.disposition import ACKNOWLEDGE, return_after
from muster.job import Job
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
AT_ONCE = return_after(timedelta(0))


class Died(CrashPointReached):
    """The whole worker is gone: nothing handles this."""


def test_after_a_crash_each_suspect_runs_alone_and_the_killer_dies_alone(workshop: MakeWorkshop):
    """F26: of ten, one raises, one kills its worker; the neighbours complete, long before any limit."""

    # Given a batch of ten of which one always fails and one kills its worker
    def behaviour(job: Job) -> None:
        ran.append(job.id)
        if job.id == "raises":
            raise ValueError("as ever")
        if job.id == "kills":
            raise Died
        shop.effect(job.id)

    ran: list[str] = []
    good = [f"good-{n}" for n in range(8)]
    shop = workshop(behaviour=behaviour, max_attempts=3)
    shop.send(*good[:4], "kills", *good[4:], "raises")
    # When messages are delivered, by a new worker whenever one dies, until all is at rest
    batches = 0
    # (What ended less than 0.1 s before the crash was not settled yet: it runs again, by its effect's key.)
    while shop.problems(at_rest=True, repeats=tuple(good)):
        batches += 1
        assert batches < 60, shop.problems(at_rest=True)
        started = len(ran)
        try:
            shop.deliver()
        except Died:
            assert batches == 1 or ran[started:] == ["kills"]  # it takes nobody along but once
        shop.skip(timedelta(seconds=45))
        shop.tick()
    # Then all neighbours completed, and the two have their dead letters
    states = {job: shop.clerk.row(job)["status"] for job in shop.accepted}
    assert states == dict.fromkeys(good, "completed") | {"kills": "failed", "raises": "failed"}
    reasons = {a["muster-job"]: a["muster-reason"].split(":")[0] for a in shop.letters()}
    assert reasons == {"kills": "lost", "raises": "agent_error"}
    # And no neighbour lost more than the attempt that the first crash cost it
    assert all(shop.clerk.row(job)["attempts"] <= 2 for job in good)
    assert ran.count("kills") == 3


def test_the_neighbours_of_a_suspect_are_handed_back_uncharged(workshop: MakeWorkshop):
    """F26: they come again at once, with the attempt they had."""
    # Given a suspect among fresh jobs
    shop = workshop()
    shop.send("suspect")
    [message] = shop.queues.receive(shop.lane, wait=timedelta(0), visibility=timedelta(0))
    shop.clerk.take("suspect", message.message_id)
    shop.clerk.expire("suspect")
    shop.send("a", "b")
    # When they come in one batch
    fates = shop.deliver()
    # Then the suspect ran, and the others wait as if nothing had been
    assert fates == [ACKNOWLEDGE, AT_ONCE, AT_ONCE]
    assert shop.clerk.row("suspect")["status"] == "completed"
    for job in ("a", "b"):
        row = shop.clerk.row(job)
        assert (row["status"], row["attempts"], row["fence"]) == ("pending", 0, 1)
        assert row["reason"] == "neighbour_is_suspect"
    # And run in the next one, as their first attempt
    assert shop.deliver() == [ACKNOWLEDGE, ACKNOWLEDGE]
    assert shop.clerk.row("a")["attempts"] == 1
    assert shop.problems(at_rest=True) == []


def test_what_does_not_fit_into_the_time_is_handed_back(workshop: MakeWorkshop):
    """Jobs that could not end in time are not begun; they cost no attempt."""

    # Given three jobs of up to 30 s each, of which the first takes 50 s of the minute that is left
    def behaviour(job: Job) -> None:
        shop.effect(job.id)
        shop.clock.skip(timedelta(seconds=50))

    shop = workshop(behaviour=behaviour, timeout=timedelta(seconds=30))
    shop.send("a", "b", "c")
    # When they are delivered / Then only the first one runs
    assert shop.deliver(time_left=timedelta(seconds=60)) == [ACKNOWLEDGE, AT_ONCE, AT_ONCE]
    assert shop.clerk.row("b")["reason"] == "out_of_time"
    assert shop.clerk.row("b")["attempts"] == 0
    # And where no job fits at all, none is begun and none is charged
    assert shop.deliver(time_left=timedelta(seconds=20)) == [AT_ONCE, AT_ONCE]
    assert shop.clerk.row("b")["attempts"] == 0


@pytest.mark.parametrize(
    ("time_left", "lease"), [(60, 60), (600, 3 * 30 + 5)], ids=["hosts-deadline", "batch"]
)
def test_the_lease_ends_with_the_host_or_with_the_batch(
    workshop: MakeWorkshop, time_left: int, lease: int
):
    """F27: rows in progress expire by the invocation's own deadline, not by a fixed time."""

    def behaviour(job: Job) -> None:
        row = shop.clerk.row(job.id)
        leases.append((row["lease_expires_at"] - row["started_at"]).total_seconds())

    leases: list[float] = []
    shop = workshop(behaviour=behaviour, timeout=timedelta(seconds=30))
    shop.send("a", "b", "c")
    shop.deliver(time_left=timedelta(seconds=time_left))
    assert leases[0] == pytest.approx(lease, abs=1)


def test_finished_work_is_settled_before_a_long_job_starts(workshop: MakeWorkshop):
    """F26: what a crash can cost is the job that runs, not those that ended before."""

    # Given quick jobs after a slow one, and a last one that kills the worker
    def behaviour(job: Job) -> None:
        shop.effect(job.id)
        if job.id == "slow":
            shop.clock.skip(timedelta(seconds=2))
        if job.id == "kills":
            raise Died

    shop = workshop(behaviour=behaviour)
    shop.send("slow", "quick", "kills")
    # When the worker dies in the last one
    with pytest.raises(Died):
        shop.deliver()
    # Then the slow one was settled before the next began
    assert shop.clerk.row("slow")["status"] == "completed"


def test_quick_jobs_of_a_batch_are_settled_in_one_statement(workshop: MakeWorkshop):
    # Given jobs that take no time at all, whatever the machine takes for them
    shop = workshop(clock=Timepiece(stopped=True))
    shop.send(*(f"job-{n}" for n in range(10)))
    shop.deliver()
    rows = shop.clerk.query(
        "SELECT count(DISTINCT xid) AS n FROM execution_event WHERE kind = 'completed'"
    )
    assert rows[0]["n"] == 1


def test_a_job_twice_in_a_batch_runs_once(workshop: MakeWorkshop):
    """F16: two messages, one effect; the second is counted as a duplicate."""
    shop = workshop()
    shop.send("j", "k", "j")
    assert shop.deliver() == [ACKNOWLEDGE] * 3
    assert shop.metrics.counts["Duplicates"] == 1
    assert shop.clerk.story("j") == ["claimed", "duplicate", "completed"]
    shop.accepted.remove("j")
    assert shop.problems(at_rest=True) == []
