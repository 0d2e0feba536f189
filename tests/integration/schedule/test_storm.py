"""Thousands of schedules at once: paged, over several connections, in time, by any number of dispatchers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from threading import Barrier, Lock, Thread
from typing import Any

import pytest

from muster.dispatcher.firing import ROUND, Firing
from muster.dispatcher.lane_choice import LaneChoice
from muster.dispatcher.tick import Duty, Tick
from muster.errors import QueueUnavailable
from muster.ports import Outgoing, Sent
from muster.store.connection import Database
from tests.support.clerk import AGENT, database_of
from tests.support.logins import DISPATCHER, as_login
from tests.support.schedules import Timetable


def _storm(timetable: Timetable, count: int) -> None:
    """So many schedules, all due at the same time in one or two minutes."""
    timetable.shop.clerk.query(
        "INSERT INTO agent_schedule (agent_id, name, expression, next_at)"
        " SELECT %s, 's' || n, '0 0 1 1 *', date_trunc('minute', now()) + interval '2 minutes'"
        " FROM generate_series(1, %s) n",
        AGENT,
        count,
    )


def _firing(timetable: Timetable, database: Database, queues: Any = None, **options: Any) -> Firing:
    shop = timetable.shop
    return Firing(
        database=database,
        queues=queues or shop.queues,
        metrics=lambda _: shop.metrics,  # pyright: ignore[reportArgumentType] - the fake has what is used
        clock=shop.clock,
        log=shop.log.logger,
        lanes=LaneChoice(shop.log.logger),
        **options,
    )


def _fires_of_each(timetable: Timetable) -> Counter[int]:
    """How many schedules have how many executions."""
    rows = timetable.shop.clerk.query(
        "SELECT n, count(*) AS schedules FROM ("
        " SELECT count(e.execution_id) AS n FROM agent_schedule s"
        " LEFT JOIN agent_job_execution e ON e.agent_id = s.agent_id AND e.schedule = s.name"
        " GROUP BY s.name) AS counted GROUP BY n"
    )
    return Counter({row["n"]: row["schedules"] for row in rows})


def test_fault_42_fifty_dispatchers_at_once_fire_five_thousand_schedules_once_each(
    timetable: Timetable,
):
    # Given 5,000 schedules that are due, and fifty dispatchers without a leader
    _storm(timetable, 5000)
    dispatchers = 50
    barrier = Barrier(dispatchers)
    moved: list[int] = []

    def fire() -> None:
        with closing(database_of(timetable.shop.clerk.url, call_seconds=300)) as database:
            duty = _firing(timetable, database, page=200)
            barrier.wait(300)
            while count := duty.page():
                moved.append(count)

    # When they fire at the same moment
    threads = [Thread(target=fire) for _ in range(dispatchers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)

    # Then each schedule fired once, and each fire was sent once
    assert _fires_of_each(timetable) == {1: 5000}
    assert sum(moved) == 5000
    sent = Counter(json.loads(m.body)["job_id"] for m in _stored(timetable))
    assert (len(sent), set(sent.values())) == (5000, {1})


def _stored(timetable: Timetable) -> Sequence[Any]:
    return timetable.shop.memory.stored[timetable.shop.lane]


class CountingQueues:
    """Queues that note how many calls are at work at once, and fail where they are told to."""

    def __init__(self, *, refuse: frozenset[int] = frozenset(), away: bool = False) -> None:
        self._lock = Lock()
        self._together = Barrier(4)
        self._refuse = refuse
        self._away = away
        self.calls = 0
        self.sent: list[Outgoing] = []

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        """Each call waits until three others are at work, so a sender with fewer hangs."""
        with self._lock:
            self.calls += 1
        if self._away:
            return [Sent(error=QueueUnavailable("away")) for _ in entries]
        self._together.wait(120)
        results: list[Sent] = []
        for place, entry in enumerate(entries):
            refused = place in self._refuse
            results.append(
                Sent(error=QueueUnavailable("not now")) if refused else Sent(message_id="m")
            )
            with self._lock:
                self.sent += [] if refused else [entry]
        return results


def test_fault_47_a_storm_is_sent_over_several_connections(timetable: Timetable):
    # Given 80 fires, and a queue that answers only when four calls are at work
    _storm(timetable, 80)
    queues = CountingQueues()

    # When they are fired in pages of 40
    assert (
        _firing(timetable, timetable.shop.dispatching, queues, page=40, connections=4).page() == 80
    )

    # Then they went out ten in a call
    assert queues.calls == 8
    assert len({json.loads(entry.body)["job_id"] for entry in queues.sent}) == 80


def test_fault_49_of_a_batch_only_what_failed_is_left_to_the_next_tick(timetable: Timetable):
    """After the port has sent them again alone some times; see its own tests."""
    _storm(timetable, 40)
    queues = CountingQueues(refuse=frozenset({3, 7}))

    _firing(timetable, timetable.shop.dispatching, queues, connections=4).page()

    sent = {json.loads(entry.body)["job_id"] for entry in queues.sent}
    late = timetable.shop.clerk.query(
        "SELECT job_id FROM agent_job_execution WHERE relay_after < now() + interval '100 seconds'"
    )
    assert len(sent) == 32
    assert len(late) == 8
    assert sent.isdisjoint(row["job_id"] for row in late)


def test_a_queue_that_is_away_is_not_called_for_each_batch(timetable: Timetable):
    _storm(timetable, 300)
    queues = CountingQueues(away=True)

    _firing(timetable, timetable.shop.dispatching, queues, connections=4).page()

    # Then the calls that were at work then were the last
    assert queues.calls <= 4
    assert _fires_of_each(timetable) == {1: 300}


def test_fault_47_a_tick_that_runs_out_of_time_stops_and_the_next_one_resumes(timetable: Timetable):
    # Given a storm of several rounds, and a dispatcher whose every page takes a hundred seconds
    two_rounds = 2 * ROUND * 10
    _storm(timetable, two_rounds + 20)
    duty = _firing(timetable, timetable.shop.dispatching, page=10)
    seen: list[int] = []

    def page() -> int:
        timetable.shop.clock.skip(timedelta(seconds=100))  # pyright: ignore[reportAttributeAccessIssue] - a timepiece
        seen.append(duty.page())
        return seen[-1]

    def tick() -> Any:
        return Tick(
            database=timetable.shop.dispatching,
            duties=(Duty(name="fire", page=page),),
            holder="h",
            clock=timetable.shop.clock,
            log=timetable.shop.log.logger,
        ).run(time_left=timedelta(seconds=150))

    # When it ticks for 150 s
    first = tick()

    # Then it stopped in between, with everything sent that it had recorded
    assert first.unfinished
    assert _fires_of_each(timetable) == {0: 20, 1: two_rounds}
    assert len(_stored(timetable)) == two_rounds
    # And the next one did the rest
    assert tick().done == {"fire": 20}
    assert _fires_of_each(timetable) == {1: two_rounds + 20}


@pytest.mark.parametrize("code", ["53100", "57014"])
def test_fault_38_a_full_disk_or_a_cancelled_statement_fails_the_duty_and_the_next_tick_goes_on(
    code: str, timetable: Timetable
):
    # Given a ledger that takes no row
    _storm(timetable, 20)
    timetable.shop.clerk.query(
        "CREATE SEQUENCE refused; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN PERFORM nextval('refused'); RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON agent_job_execution"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    # When the dispatcher ticks
    timetable.shop.dispatching.close()
    timetable.shop.dispatching = database_of(
        as_login(timetable.shop.clerk.url, DISPATCHER), retry_seconds=1
    )
    report = timetable.shop.tick()
    # Then firing failed, the other duties did not, and nothing is half done
    assert report.failed == ("fire",)
    assert "relay" in report.done
    assert _fires_of_each(timetable) == {0: 20}
    assert _stored(timetable) == []
    # And it was tried a few times at most, not over and over
    [tries] = timetable.shop.clerk.query("SELECT last_value FROM refused")
    assert tries["last_value"] <= 20

    # When there is room again
    timetable.shop.clerk.query("DROP TRIGGER refuse ON agent_job_execution")
    timetable.shop.tick()
    # Then everything fires, once
    assert _fires_of_each(timetable) == {1: 20}
