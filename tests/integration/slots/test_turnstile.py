"""Batches of an agent whose jobs are counted by slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from muster.crashpoint import CrashPointReached
from muster.errors import PermanentError
from muster.execution.disposition import KEEP, Fate
from muster.execution.turnstile import LINGER
from muster.job import Job
from muster.store.migration import SchemaError
from muster.store.slots import Slot, Slots
from tests.support.arming import armed
from tests.support.clerk import AGENT, database_of
from tests.support.gated import GatedWorker
from tests.support.invariants import history_holds
from tests.support.stopped_time import SharedTimepiece, StoppedTime
from tests.support.worker import Workshop

MINUTE = timedelta(minutes=1)


@pytest.fixture
def time(database_url: str) -> StoppedTime:
    """By which slots end and lanes wait; a workshop's own clock goes on."""
    return StoppedTime(database_url)


@pytest.fixture
def workshop(database_url: str, time: StoppedTime) -> Iterator[Callable[..., Workshop]]:
    """`workshop(...)` makes one; when the test ends its log must be a legal history."""
    made: list[Workshop] = []

    def make(**options: Any) -> Workshop:
        made.append(Workshop(database_url, **options))
        return made[-1]

    yield make
    problems = history_holds(made[0].clerk.query if made else database_url)
    for each in made:
        each.close()
    assert problems == []


def _hold(shop: Workshop, *, holder: str = "somebody", lease: timedelta = MINUTE) -> Slot:
    slot = Slots(shop.database).take(
        agent_id=AGENT, lane="normal", holder=holder, capacity=1, lease=lease
    )
    assert isinstance(slot, Slot)
    return slot


def test_a_batch_runs_in_a_slot_and_gives_it_back(workshop: Callable[..., Workshop]):
    # Given an agent with one slot
    held: list[int] = []
    shop = workshop(behaviour=lambda _: held.append(len(shop.clerk.query("TABLE agent_slot"))))
    shop.send("a", "b")
    # When a batch is delivered
    shop.deliver(worker=GatedWorker(shop))
    # Then its jobs ran while the slot was held, and it is free again
    assert held == [1, 1]
    assert shop.clerk.query("TABLE agent_slot") == []
    assert {shop.clerk.row(job)["status"] for job in "ab"} == {"completed"}


def test_without_a_slot_nothing_is_claimed_and_the_messages_come_back_soon(
    workshop: Callable[..., Workshop],
):
    # Given an agent whose only slot is held
    shop = workshop()
    slot = _hold(shop)
    shop.send("a", "b")
    # When a batch is delivered
    fates = shop.deliver(worker=GatedWorker(shop))
    # Then its messages return in a second, and nobody was charged
    assert [(f.fate, f.after) for f in fates] == [(Fate.RETURN, timedelta(seconds=1))] * 2
    assert shop.clerk.query("SELECT 1 FROM agent_job_execution") == []
    assert shop.metrics.counts["Refused"] == 2
    # And once the slot is free they run
    Slots(shop.database).release([slot])
    shop.skip(timedelta(seconds=2))
    shop.deliver(worker=GatedWorker(shop))
    assert shop.clerk.row("a")["attempts"] == 1
    assert shop.problems(at_rest=True) == []


def test_a_slot_that_is_freed_soon_is_waited_for(
    workshop: Callable[..., Workshop], time: StoppedTime
):
    shop = workshop()
    _hold(shop, lease=timedelta(seconds=0.6))
    shop.send("a")
    clock = SharedTimepiece(time)
    [fate] = shop.deliver(worker=GatedWorker(shop, clock=clock))
    assert 0.6 <= clock.skipped < LINGER.total_seconds()
    assert fate.fate is Fate.ACKNOWLEDGE
    assert shop.problems(at_rest=True) == []


def test_there_is_no_waiting_when_the_time_would_be_the_jobs(workshop: Callable[..., Workshop]):
    # Given a job that takes all the time there is
    shop = workshop(timeout=timedelta(seconds=50))
    _hold(shop)
    shop.send("a")
    before = shop.clock.skipped
    shop.deliver(worker=GatedWorker(shop), time_left=MINUTE)
    assert shop.clock.skipped == before


def test_no_job_starts_that_could_outlive_the_slot(workshop: Callable[..., Workshop]):
    # Given two jobs of at most 5 s, of which the first takes 11 s by the clock
    shop = workshop(behaviour=lambda _: shop.clock.skip(timedelta(seconds=11)))
    shop.send("a", "b")
    # When they are delivered to a function that has minutes left
    shop.deliver(worker=GatedWorker(shop))
    # Then the second is handed back uncharged, and runs in a slot of its own
    stories = [shop.clerk.story(job) for job in "ab"]
    assert sorted(stories) == [["claimed", "completed"], ["claimed", "handed_back"]]
    shop.behaviour = None
    shop.deliver(worker=GatedWorker(shop))
    assert {shop.clerk.row(job)["attempts"] for job in "ab"} == {1}


def test_what_cannot_be_understood_needs_no_slot(workshop: Callable[..., Workshop]):
    """F20: it is dead-lettered on its first receive, whoever holds the slot."""
    shop = workshop()
    _hold(shop)
    shop.send("fine")
    shop.send_body("not json")
    fates = shop.deliver(worker=GatedWorker(shop))
    assert [fate.fate for fate in fates] == [Fate.RETURN, Fate.ACKNOWLEDGE]
    assert len(shop.letters()) == 1


def test_a_message_that_its_queue_would_soon_give_up_goes_on_as_a_row(
    workshop: Callable[..., Workshop],
):
    # Given messages that have waited for a slot 500 times: a job, and one that names none
    shop = workshop()
    slot = _hold(shop)
    shop.send("a")
    shop.send_body('{"muster": 1, "job_id": "nobody-knows"}')
    for message in shop.memory.stored[shop.lane]:
        message.receive_count = 499
    # When they are refused once more
    fates = shop.deliver(worker=GatedWorker(shop))
    # Then they are gone, the job waits in the ledger, and the other was told to be unknown
    assert [fate.fate for fate in fates] == [Fate.ACKNOWLEDGE] * 2
    row = shop.clerk.row("a")
    assert (row["status"], row["attempts"], row["reason"]) == ("pending", 0, "no_slot")
    assert shop.clerk.row("nobody-knows")["error"]["code"] == "unknown_job"
    # And the relay sends it in a fresh message, which runs
    Slots(shop.database).release([slot])
    shop.skip(timedelta(minutes=3))
    shop.tick()
    [message] = shop.memory.stored[shop.lane]
    assert message.receive_count == 0
    shop.deliver(worker=GatedWorker(shop))
    assert (shop.clerk.row("a")["status"], shop.clerk.row("a")["attempts"]) == ("completed", 1)


def test_a_slot_that_is_held_for_an_hour_wears_no_message_out(
    workshop: Callable[..., Workshop], time: StoppedTime
):
    # Given a slot that is held for an hour, and a message that waits for it
    shop = workshop()
    _hold(shop, lease=timedelta(hours=1))
    shop.send("a")
    worker = GatedWorker(shop, lane="low")
    waited = timedelta(0)
    # When it comes back whenever it was told to
    while shop.deliver(worker=worker)[0].fate is Fate.RETURN:
        [message] = shop.memory.stored[shop.lane]
        away = timedelta(seconds=message.visible_from - shop.clock.monotonic() + 0.01)
        shop.skip(away)
        time.skip((away + LINGER).total_seconds())
        waited += away + LINGER
    # Then it was received far less often than its queue allows, and started soon after the hour
    assert message.receive_count < 150
    assert timedelta(hours=1) < waited < timedelta(minutes=61)
    assert shop.clerk.row("a")["attempts"] == 1


def test_a_worker_that_dies_keeps_others_out_until_its_batch_should_have_ended(
    workshop: Callable[..., Workshop], time: StoppedTime
):
    # Given a worker that dies in the midst of a job of at most 5 s
    shop = workshop()
    shop.send("a")
    with armed("run.after"), pytest.raises(CrashPointReached):
        shop.deliver(worker=GatedWorker(shop))
    shop.send("b")
    # When another process looks before its batch should have ended / Then it gets no slot
    time.skip(14)
    assert shop.deliver(worker=GatedWorker(shop))[0].fate is Fate.RETURN
    # And afterwards it does
    time.skip(2)
    shop.skip(timedelta(seconds=40))
    shop.deliver(worker=GatedWorker(shop))
    assert {shop.clerk.row(job)["status"] for job in "ab"} == {"completed", "pending"}
    assert shop.clerk.row("b")["attempts"] == 0


def test_a_batch_that_fails_as_a_whole_gives_its_slot_back(workshop: Callable[..., Workshop]):
    # Given a database that is older than the worker
    shop = workshop()
    shop.clerk.query("ALTER TABLE execution_event RENAME TO gone")
    shop.send("a")
    # When a batch fails over it / Then nobody has to wait until its slot ends
    with pytest.raises(SchemaError):
        shop.deliver(worker=GatedWorker(shop))
    assert shop.clerk.query("TABLE agent_slot") == []
    shop.clerk.query("ALTER TABLE gone RENAME TO execution_event")


def test_a_dead_letter_may_come_back_on_any_lane(workshop: Callable[..., Workshop]):
    # Given a failed job, whose letter is moved to another lane than it came from
    shop = workshop(behaviour=_never)
    shop.send("a", priority="urgent")
    shop.deliver(worker=GatedWorker(shop, lane="urgent"))
    shop.behaviour = None
    shop.redrive()
    # When it is delivered there, at first in vain
    slot = _hold(shop)
    shop.deliver(worker=GatedWorker(shop, lane="low"))
    Slots(shop.database).release([slot])
    shop.skip(timedelta(seconds=3))
    shop.deliver(worker=GatedWorker(shop, lane="low"))
    # Then it is the redrive, and keeps the priority that was asked for
    row = shop.clerk.row("a")
    assert (row["status"], row["redrives"], row["priority"]) == ("completed", 1, "urgent")
    assert shop.problems(at_rest=True) == []


def _never(_: Job) -> None:
    raise PermanentError("no")


def test_what_a_process_could_not_give_back_is_its_own_at_its_next_batch(
    workshop: Callable[..., Workshop],
):
    shop = workshop()
    worker = GatedWorker(shop)
    _hold(shop, holder=worker.turnstile._holder)
    shop.send("a")
    shop.deliver(worker=worker)
    assert shop.clerk.row("a")["status"] == "completed"
    assert shop.clerk.query("TABLE agent_slot") == []


def test_without_a_database_the_messages_are_kept(workshop: Callable[..., Workshop]):
    shop = workshop()
    away = database_of("postgresql://nobody@127.0.0.1:1/none", retry_seconds=0.1)
    shop.send("a")
    fates = shop.deliver(worker=GatedWorker(shop, slots=Slots(away)))
    assert fates == [KEEP]
    assert "ledger away" in shop.log.everything()


def test_messages_that_ask_for_nothing_need_no_slot(workshop: Callable[..., Workshop]):
    shop = workshop()
    _hold(shop)
    shop.send_body('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}')
    [fate] = shop.deliver(worker=GatedWorker(shop))
    assert fate.fate is Fate.ACKNOWLEDGE
