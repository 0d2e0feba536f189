"""One tick: who may do it, what it does when a part of it fails, and what two at once do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

from muster.dispatcher.tick import Duty, Tick
from muster.execution.disposition import KEEP
from muster.job import Job
from muster.ports import Outgoing
from muster.store.statements import statements
from tests.support.clerk import database_of, delivery
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
MINUTE = timedelta(minutes=1)


def _take_lease(shop: Workshop, holder: str, ttl: float = 50.0) -> int | None:
    rows = shop.database.run(
        statements("dispatch")["take_lease"],
        {"name": "dispatcher", "holder": holder, "ttl_seconds": ttl},
    )
    return rows[0][0] if rows else None


def test_a_second_dispatcher_does_nothing_while_the_first_is_at_work(workshop: MakeWorkshop):
    """P2: one at a time, by the lease; and when it is given back the next one works at once."""
    shop = workshop()
    assert _take_lease(shop, "first") is not None
    assert shop.tick(holder="second").led is False
    # And a dispatcher that died is replaced when its lease is over
    shop.skip(MINUTE)
    assert shop.tick(holder="second").led is True
    assert shop.tick(holder="third").led is True


def test_fencing_numbers_never_repeat_even_when_the_row_is_deleted(workshop: MakeWorkshop):
    """P2: they come from a sequence; each change of holder raises them, a renewal keeps its own."""
    shop = workshop()
    first = _take_lease(shop, "a")
    assert first is not None
    assert _take_lease(shop, "a") == first
    assert _take_lease(shop, "b") is None
    shop.clerk.query("DELETE FROM lease")
    second = _take_lease(shop, "b")
    assert second is not None
    assert second > first
    shop.clerk.query("UPDATE lease SET expires_at = now() - interval '1 s'")
    third = _take_lease(shop, "a")
    assert third is not None
    assert third > second


def test_two_ticks_at_once_do_everything_once(workshop: MakeWorkshop):
    """F42: even without the lease, rows are claimed so that nothing is rescued or sent twice."""
    # Given two hundred jobs whose workers vanished
    shop = workshop()
    for start in range(0, 200, 10):
        shop.clerk.claim(*[delivery(f"job-{n}") for n in range(start, start + 10)])
    shop.skip(2 * MINUTE)
    # When two dispatchers do their duties at the very same time
    with closing(database_of(shop.clerk.url)) as second, ThreadPoolExecutor(2) as pool:
        both = [shop.duties(), shop.duties(database=second)]
        rescued = sum(pool.map(lambda duties: duties.upkeep.rescue(), both))
        relayed = sum(pool.map(lambda duties: duties.upkeep.relay(), both))
    # Then each job was rescued and sent once
    assert (rescued, relayed) == (200, 200)
    assert len(shop.memory.stored[shop.lane]) == 200


def test_a_duty_that_fails_does_not_keep_the_others_from_work(workshop: MakeWorkshop):
    done: list[str] = []

    def fails() -> int:
        raise ValueError("broken")

    def works() -> int:
        done.append("once")
        return 0 if len(done) > 1 else 7

    shop = workshop()
    tick = Tick(
        database=shop.database,
        duties=(Duty(name="broken", page=fails), Duty(name="sound", page=works)),
        holder="h",
        clock=shop.clock,
        log=shop.log.logger,
    )
    report = tick.run(time_left=MINUTE)
    assert (report.failed, report.done, report.unfinished) == (("broken",), {"sound": 7}, False)
    assert [r["duty"] for r in shop.log.records if r["levelname"] == "ERROR"] == ["broken"]
    # And the lease was given back all the same
    assert shop.tick(holder="next").led


def test_a_tick_stops_in_time_and_the_next_goes_on(workshop: MakeWorkshop):
    """It pages; what is left over is left to the next tick."""
    shop = workshop(clock=Timepiece(stopped=True))
    left = [3]

    def page() -> int:
        shop.clock.skip(timedelta(seconds=20))
        left[0] -= 1
        return 1 if left[0] >= 0 else 0

    def tick() -> Tick:
        duties = (Duty(name="long", page=page),)
        return Tick(
            database=shop.database, duties=duties, holder="h", clock=shop.clock, log=shop.log.logger
        )

    assert tick().run(time_left=timedelta(seconds=30)).unfinished is True
    report = tick().run(time_left=timedelta(minutes=5))
    assert (report.unfinished, report.done) == (False, {"long": 1})


def test_dead_letters_that_a_crash_left_behind_are_sent_once_their_worker_had_its_time(
    workshop: MakeWorkshop,
):
    """F43, F30: a failure without its letter is buried by the dispatcher, after half a minute."""

    def behaviour(job: Job) -> None:
        raise ValueError("no")

    shop = workshop(behaviour=behaviour, max_attempts=1)
    shop.send("j")
    dlq = shop.memory.stored.pop(shop.dlq)
    assert shop.deliver() == [KEEP]
    shop.memory.stored[shop.dlq] = dlq
    assert shop.tick().done["bury"] == 0
    shop.skip(MINUTE)
    assert shop.tick().done["bury"] == 1
    assert shop.tick().done["bury"] == 0
    assert len(shop.letters()) == 1
    assert shop.metrics.counts["DeadLetters"] == 1


def test_a_dlq_that_is_away_does_not_make_the_tick_spin(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        raise ValueError("no")

    shop = workshop(behaviour=behaviour, max_attempts=1)
    shop.send("j")
    shop.memory.stored.pop(shop.dlq)
    shop.deliver()
    shop.skip(MINUTE)
    report = shop.tick()
    assert (report.done["bury"], report.unfinished) == (0, False)


def test_a_ledger_with_nothing_to_do_is_ticked_in_no_time(workshop: MakeWorkshop):
    report = workshop().tick()
    assert report.led
    assert report.failed == ()
    assert report.done["rescue"] == report.done["relay"] == report.done["bury"] == 0


def test_backlog_and_running_jobs_are_measured(workshop: MakeWorkshop):
    shop = workshop()
    shop.send("waits-1", "waits-2")
    shop.clerk.take("runs")
    shop.tick()
    gauges = shop.metrics.gauges
    assert (gauges["Backlog"], gauges["Running"]) == (2, 1)


def test_what_a_service_scales_on_counts_what_comes_within_minutes(workshop: MakeWorkshop):
    # Given an agent with a service, a job that waits, one that SQS holds back for a while, one that runs
    shop = workshop()
    shop.clerk.query(
        """UPDATE agent_registry SET endpoint = endpoint || '{"cluster": "c", "service": "s"}'"""
    )
    shop.send("waits")
    shop.queues.send_batch(shop.lane, [Outgoing(body="{}", delay=timedelta(minutes=4))])
    shop.clerk.take("runs")
    # When a tick measures
    shop.tick()
    # Then all three want a task, and only one of them is a backlog
    gauges = shop.metrics.gauges
    assert (gauges["Backlog"], gauges["Running"], gauges["Demand"]) == (1, 1, 3)


def test_a_queue_that_is_gone_does_not_keep_the_others_from_being_measured(workshop: MakeWorkshop):
    shop = workshop()
    shop.clerk.register(
        "another", endpoint='{"type": "sqs", "queues": {"normal": "memory://gone"}, "dlq": "x"}'
    )
    shop.send("waits")
    report = shop.tick()
    assert shop.metrics.gauges["Backlog"] == 1
    assert report.failed == ("measure",)


def test_partitions_are_made_and_late_rows_moved(workshop: MakeWorkshop):
    """A tick that comes months late loses nothing: rows of the default partition move to their month."""
    shop = workshop()
    shop.clerk.query(
        "DO $$ DECLARE child text; BEGIN FOR child IN SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent IN ('agent_job_execution'::regclass, 'execution_event'::regclass)"
        " AND inhrelid::regclass::text NOT LIKE '%default' LOOP EXECUTE 'DROP TABLE ' || child;"
        " END LOOP; END $$"
    )
    shop.send("j")
    shop.deliver()
    place = "SELECT tableoid::regclass::text AS place FROM agent_job_execution"
    assert shop.clerk.query(place) == [{"place": "agent_job_execution_default"}]
    # When the dispatcher ticks / Then the partitions are there and the row is in its own
    assert shop.tick().done["partition"] == 6
    assert shop.clerk.query(place) != [{"place": "agent_job_execution_default"}]
    assert shop.tick().done["partition"] == 0
    assert shop.problems(at_rest=True) == []
