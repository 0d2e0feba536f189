"""The dispatcher mends what workers, queues and networks lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from muster.errors import RetryLater
from muster.execution.disposition import ACKNOWLEDGE
from muster.job import Job
from tests.support.moments import moment, when
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def _vanish(shop: Workshop, job_id: str) -> None:
    """A worker took the job with its message, and both are gone."""
    shop.send(job_id)
    [message] = shop.queues.receive(shop.lane, wait=timedelta(0), max_messages=1)
    shop.queues.delete_batch(shop.lane, [message.receipt_handle])
    shop.clerk.take(job_id, message.message_id, lease=30 * SECOND)


def test_a_job_whose_worker_and_message_are_gone_runs_again(workshop: MakeWorkshop):
    """F1: rescued and sent again in one tick, as a suspect, with its attempt charged."""
    # Given such a job, its lease over
    shop = workshop()
    _vanish(shop, "j")
    shop.skip(40 * SECOND)
    # When the dispatcher ticks
    report = shop.tick()
    # Then it waits again, and a message carries it
    assert (report.done["rescue"], report.done["relay"]) == (1, 1)
    row = shop.clerk.row("j")
    assert (row["status"], row["suspect"], row["attempts"]) == ("pending", True, 1)
    assert shop.metrics.counts["Rescued"] == shop.metrics.counts["Relayed"] == 1
    # And it completes as its second attempt
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.story("j") == ["claimed", "rescued", "relayed", "claimed", "completed"]
    assert shop.problems(at_rest=True) == []


def test_a_lease_that_just_ended_is_left_to_its_holder_for_a_moment(workshop: MakeWorkshop):
    """F19: leases are the database's time; a worker that settles on its last second is not robbed."""
    shop = workshop()
    _vanish(shop, "j")
    with moment(shop) as now:
        shop.clerk.change("j", f"lease_expires_at = '{now - SECOND}'")
        assert shop.tick().done["rescue"] == 0
        shop.clerk.change("j", f"lease_expires_at = '{now - 4 * SECOND}'")
        assert shop.tick().done["rescue"] == 1


def test_a_job_that_always_vanishes_ends_as_lost_with_a_dead_letter(workshop: MakeWorkshop):
    """P3: rescued while attempts remain, then failed."""
    # Given a job whose every attempt vanishes
    shop = workshop(max_attempts=3)
    _vanish(shop, "j")
    for _ in range(3):
        shop.skip(MINUTE)
        shop.tick()
        for message in shop.queues.receive(shop.lane, wait=timedelta(0)):
            shop.queues.delete_batch(shop.lane, [message.receipt_handle])
            shop.clerk.take("j", message.message_id, lease=30 * SECOND)
    # Then it is failed after its three attempts
    row = shop.clerk.row("j")
    assert (row["status"], row["attempts"], row["error"]["code"]) == ("failed", 3, "lost")
    # And the dispatcher sends its dead letter when its own worker had the time to
    shop.skip(MINUTE)
    assert shop.tick().done["bury"] == 1
    [letter] = shop.letters()
    assert letter["muster-reason"].startswith("lost: The worker vanished")
    assert shop.problems(at_rest=True) == []


def test_a_job_that_was_called_off_is_not_rescued(workshop: MakeWorkshop):
    shop = workshop()
    _vanish(shop, "j")
    shop.ledger.cancel(agent_id="tester", job_id="j", reason="x")
    shop.skip(MINUTE)
    shop.tick()
    assert shop.clerk.row("j")["status"] == "cancelled"
    assert shop.memory.stored[shop.lane] == []


def test_a_purged_queue_is_filled_again(workshop: MakeWorkshop):
    """I1: messages are only carriers; the ledger sends what nothing carries any more."""

    # Given jobs that wait for their next attempt, and a queue that somebody purges
    def behaviour(job: Job) -> None:
        raise RetryLater(after=30)

    shop = workshop(behaviour=behaviour)
    shop.send(*(f"job-{n}" for n in range(25)))
    while any(not m.receive_count for m in shop.memory.stored[shop.lane]):
        shop.deliver()
    shop.memory.stored[shop.lane] = []
    # When they are overdue
    shop.behaviour = None
    shop.skip(2 * MINUTE)
    assert shop.tick().done["relay"] == 25
    # Then every one is sent and completes
    shop.settle_down()
    assert shop.problems(at_rest=True) == []


def test_a_job_is_not_sent_while_its_message_may_still_come(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        raise ValueError("not yet")

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    shop.deliver()
    assert shop.tick().done["relay"] == 0
    assert shop.queues.depth(shop.lane).total == 1


def test_a_long_wait_ends_with_a_message_at_the_right_second(workshop: MakeWorkshop):
    """A job to be tried in an hour is not carried meanwhile, and sent with the exact delay."""
    # Given a job that is to wait for an hour
    shop = workshop()
    shop.send("j")
    [message] = shop.queues.receive(shop.lane, wait=timedelta(0))
    claim = shop.clerk.take("j", message.message_id)
    hour = timedelta(hours=1)
    shop.clerk.settle(claim, "retried", delay=hour, relay_delay=hour)
    shop.queues.delete_batch(shop.lane, [message.receipt_handle])
    # When it is not yet due within the next tick / Then nothing is sent
    shop.skip(hour - 2 * MINUTE)
    assert shop.tick().done["relay"] == 0
    # When it is / Then one message is sent that becomes visible when it is due, not before
    shop.skip(80 * SECOND)
    began = shop.clock.monotonic()
    assert shop.tick().done["relay"] == 1
    took = shop.clock.monotonic() - began
    assert shop.queues.depth(shop.lane).delayed == 1
    [stored] = shop.memory.stored[shop.lane]
    earliest, latest = when(shop, shop.clerk.row("j")["available_at"])
    assert earliest <= stored.visible_from <= latest + took + 1  # queues count in whole seconds
    shop.skip(MINUTE)
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.row("j")["status"] == "completed"


def test_many_ticks_over_a_long_backlog_leave_few_copies(workshop: MakeWorkshop):
    """The pause before another copy doubles, and every copy but one is a duplicate."""
    # Given a job that nobody takes for a day, its message lost
    shop = workshop()
    _vanish(shop, "j")
    shop.skip(MINUTE)
    # When the dispatcher ticks every minute all day
    for _ in range(24 * 60):
        shop.clerk.query("UPDATE lease SET expires_at = now()")
        shop.skip(MINUTE)
        shop.duties().upkeep.rescue()
        shop.duties().upkeep.relay()
    # Then the queue holds a few copies, one an hour at last, not one a tick
    copies = len(shop.memory.stored[shop.lane])
    assert 24 <= copies <= 32
    # And the job runs once
    while shop.memory.stored[shop.lane]:
        shop.deliver()
    assert shop.clerk.query("SELECT times FROM effect") == [{"times": 1}]
    assert shop.metrics.counts["Duplicates"] == copies - 1
    assert shop.problems(at_rest=True) == []


def test_jobs_of_an_agent_without_queues_wait(workshop: MakeWorkshop):
    """F25: a retired agent's jobs are kept; when it is registered again they are sent."""
    shop = workshop()
    _vanish(shop, "j")
    shop.clerk.query("UPDATE agent_registry SET active = false")
    shop.skip(MINUTE)
    assert shop.tick().done["relay"] == 0
    assert shop.clerk.row("j")["status"] == "pending"
    shop.clerk.query("UPDATE agent_registry SET active = true")
    shop.tick()
    shop.settle_down()
    assert shop.problems(at_rest=True) == []


def test_a_lane_that_is_not_there_falls_back_to_the_normal_one(workshop: MakeWorkshop):
    shop = workshop()
    _vanish(shop, "j")
    shop.clerk.change("j", "priority = 'urgent'")
    shop.skip(MINUTE)
    shop.tick()
    assert len(shop.memory.stored[shop.lane]) == 1


def test_params_that_are_too_large_for_a_message_stay_in_the_row(workshop: MakeWorkshop):
    shop = workshop()
    _vanish(shop, "j")
    shop.clerk.change("j", "params = jsonb_build_object('text', repeat('x', 300000))")
    shop.skip(MINUTE)
    shop.tick()
    [message] = shop.memory.stored[shop.lane]
    assert len(message.body) < 1000
    shop.behaviour = lambda job: len(job.params["text"])
    assert shop.deliver() == [ACKNOWLEDGE]
    assert shop.clerk.row("j")["result"] == 300_000


def test_a_send_that_fails_is_repeated_by_a_later_tick(workshop: MakeWorkshop):
    """F43: the row is put off before the send, so what was not sent is sent after the pause."""
    shop = workshop()
    _vanish(shop, "j")
    lane = shop.memory.stored.pop(shop.lane)
    shop.skip(MINUTE)
    shop.tick()
    assert shop.clerk.row("j")["status"] == "pending"
    shop.memory.stored[shop.lane] = lane
    shop.skip(3 * MINUTE)
    assert shop.tick().done["relay"] == 1
    shop.settle_down()
    assert shop.problems(at_rest=True) == []
