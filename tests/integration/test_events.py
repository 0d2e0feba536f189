"""Events come in order, once, without gaps: after lost connections, and from transactions that end late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from muster.errors import StoreUnavailable
from muster.events import Event, EventKind, subscribe
from muster.store.connection import administer
from muster.store.instances import Instance, Instances
from muster.store.leases import Leases
from muster.store.settings import DatabaseSettings
from tests.support.clerk import Clerk
from tests.support.proxy import FaultProxy
from tests.support.waiting import wait_until

SOON = timedelta(seconds=0.05)
NEVER = timedelta(hours=1)

#: Sessions of this database that have looked for events since then.
_LOOKED = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND query LIKE '%%WITH bound%%' AND query_start > %s"
)

#: Subscribes for the length of a test; the list that grows.
Watch = Callable[..., list[Event]]


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    """A worker at an empty ledger."""
    made = Clerk(database_url)
    yield made
    made.close()


@pytest.fixture
def watch(database_url: str) -> Iterator[Watch]:
    """`watch(...)`: what comes, in the order in which it comes."""
    ends: list[Callable[[], None]] = []

    def make(*, url: str = database_url, poll: timedelta = SOON, **options: Any) -> list[Event]:
        came: list[Event] = []
        ends.append(subscribe(came.append, database=url, poll=poll, **options))
        return came

    yield make
    for end in ends:
        end()


def _steps(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.details["job_id"], event.details["to_status"]) for event in events]


def _wait(events: list[Event], count: int) -> None:
    wait_until(lambda: len(events) >= count)


def _let_look(clerk: Clerk, *, watching: int) -> None:
    """Wait until each of those who watch has looked at what there is now, and has told what it saw."""
    for _ in range(2):  # who looks again has told
        [now] = clerk.query("SELECT clock_timestamp() AS at")
        wait_until(lambda at=now["at"]: len(clerk.query(_LOOKED, at)) == watching)


def test_changes_of_state_come_in_order_from_now_on_and_once(clerk: Clerk, watch: Watch):
    # Given a job that has run before, and two that watch, one of them another agent's jobs only
    clerk.settle(clerk.take("before"), "completed")
    came, others = watch(), watch(agent_id="another")
    # When a job fails, is tried again and completes, and a message comes twice
    clerk.settle(clerk.take("j", "m"), "retried", delay=timedelta(0))
    clerk.settle(clerk.take("j", "m"), "completed")
    clerk.take("last")
    # Then each change has come once, in its order, with what it is about; what changed nothing has not
    _wait(came, 5)
    assert _steps(came) == [
        ("j", "running"),
        ("j", "pending"),
        ("j", "running"),
        ("j", "completed"),
        ("last", "running"),
    ]
    assert {event.kind for event in came} == {EventKind.STATE_CHANGED}
    assert [event.position for event in came] == sorted(event.position for event in came)
    assert others == []


def test_after_unsubscribing_nothing_comes(clerk: Clerk, database_url: str, watch: Watch):
    came: list[Event] = []
    unsubscribe = subscribe(came.append, database=database_url, poll=SOON)
    control = watch()
    clerk.take("one")
    _wait(came, 1)
    unsubscribe()
    clerk.take("two")
    _wait(control, 2)
    unsubscribe()
    assert _steps(came) == [("one", "running")]


def test_a_handler_may_unsubscribe_itself_and_what_it_raises_stops_nothing(
    clerk: Clerk, database_url: str
):
    came: list[Event] = []
    errors: list[Exception] = []
    ended = threading.Event()

    def handler(event: Event) -> None:
        came.append(event)
        if len(came) == 2:
            unsubscribe()
            ended.set()
        raise ValueError("as ever")

    unsubscribe = subscribe(handler, database=database_url, poll=SOON, on_error=errors.append)
    for job in ("one", "two", "three"):
        clerk.take(job)
    assert ended.wait(20)
    unsubscribe()
    assert _steps(came) == [("one", "running"), ("two", "running")]
    assert {type(error) for error in errors} == {ValueError}


def test_a_lost_connection_leaves_no_gap_and_repeats_nothing(
    clerk: Clerk, database_url: str, watch: Watch
):
    lost: list[Exception] = []
    with FaultProxy(database_url) as proxy:
        # Given a subscription that has seen something
        came = watch(url=proxy.url, on_error=lost.append)
        clerk.take("before")
        _wait(came, 1)
        for number in range(3):
            # When its connection is lost, and jobs run meanwhile
            proxy.refuse()
            clerk.take(f"meanwhile-{number}")
            wait_until(lambda: lost)
            lost.clear()
            # Then they come when there is one again
            proxy.open()
            _wait(came, 2 + number)
        assert _steps(came) == [
            ("before", "running"),
            *((f"meanwhile-{number}", "running") for number in range(3)),
        ]


def test_who_stops_and_goes_on_from_its_last_event_misses_nothing(
    clerk: Clerk, database_url: str, watch: Watch
):
    came: list[Event] = []
    unsubscribe = subscribe(came.append, database=database_url, poll=SOON)
    clerk.take("one")
    _wait(came, 1)
    unsubscribe()
    clerk.take("two")
    clerk.take("three")
    rest = watch(since=came[-1].position)
    _wait(rest, 2)
    assert _steps(rest) == [("two", "running"), ("three", "running")]


def test_what_a_long_transaction_commits_late_comes_in_its_place(
    clerk: Clerk, database_url: str, watch: Watch
):
    # Given a transaction that has written an event and stays open, and one that has committed since
    came, fleet = watch(), watch(kinds=[EventKind.LEADER_CHANGED])
    with closing(psycopg2.connect(database_url)) as late:
        late.cursor().execute(
            "INSERT INTO execution_event (execution_id, agent_id, kind, to_status)"
            " VALUES (gen_random_uuid(), 'tester', 'late', 'pending')"
        )
        clerk.take("early")
        # Then nothing comes, since its place is before: who had seen the later one would never look back
        seen = "SELECT count(*) AS n FROM execution_event"
        assert clerk.query(seen) == [{"n": 1}]
        _let_look(clerk, watching=2)
        assert came == fleet == []
        # When it commits / Then both come, in the order in which they were written
        late.commit()
    _wait(came, 2)
    assert [event.details["step"] for event in came] == ["late", "claimed"]


def test_instances_that_come_and_go_and_leaders_that_change_are_told(clerk: Clerk, watch: Watch):
    # Given an instance that comes, beats and is silent, and leaders that follow each other
    came = watch(agent_id="tester")
    instances, leases = Instances(clerk.database), Leases(clerk.database)
    instance = Instance(
        instance_id="i", agent_id="tester", hostname="h", pid=7, version="1", code_version="c"
    )
    for _ in range(2):
        instances.beat(instance, status="running", running_jobs=0)
    clerk.query("UPDATE agent_instance SET last_heartbeat = now() - interval '5 minutes'")
    instances.sweep()
    instances.beat(instance, status="running", running_jobs=0)
    instances.stop(instance)
    term = timedelta(minutes=1)
    first = leases.take(name="leader:tester", holder="a", term=term)
    assert first is not None
    assert leases.take(name="leader:tester", holder="a", term=term) == first
    leases.release(name="leader:tester", holder="a", fence=first)
    leases.take(name="leader:tester", holder="b", term=term)
    leases.take(name="dispatcher", holder="c", term=term)
    clerk.take("last")
    # Then each change has come once; beats, renewals and ticks are none
    _wait(came, 8)
    told = [
        (event.kind, event.details.get("status", event.details.get("leader"))) for event in came
    ]
    assert told == [
        ("instance_registered", "running"),
        ("instance_deregistered", "stale"),
        ("instance_registered", "running"),
        ("instance_deregistered", "stopped"),
        ("leader_changed", "a"),
        ("leader_changed", None),
        ("leader_changed", "b"),
        ("state_changed", None),
    ]
    assert {tuple(event.details["agent_ids"]) for event in came[:7]} == {("tester",)}
    assert came[0].details["hostname"] == "h"


def test_a_hint_is_enough_and_comes_only_where_it_is_wanted(
    clerk: Clerk, database_url: str, watch: Watch
):
    # Given one that looks at hints only, and one that looks by itself, where nothing hints
    hinted, looking = watch(poll=NEVER), watch()
    clerk.take("silent")
    _wait(looking, 1)
    assert hinted == []
    # When hints are switched on / Then it sees everything at once
    assert clerk.query("SELECT muster_event_hints_v1(true) AS changed") == [{"changed": True}]
    assert clerk.query("SELECT muster_event_hints_v1(true) AS changed") == [{"changed": False}]
    clerk.take("told")
    _wait(hinted, 2)
    assert _steps(hinted) == [("silent", "running"), ("told", "running")]
    # And an unsubscribe does not wait for the next look
    assert clerk.query("SELECT muster_event_hints_v1(false) AS changed") == [{"changed": True}]


def test_each_kind_has_a_channel_of_its_own(clerk: Clerk, database_url: str):
    """For whoever listens with a client of their own."""
    clerk.query("SELECT muster_event_hints_v1(true)")
    with closing(administer(DatabaseSettings.from_url(database_url))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for kind in EventKind:
            cursor.execute(f"LISTEN {kind.channel}")
        clerk.take("j")
        clerk.query("INSERT INTO agent_instance (instance_id) VALUES ('i')")
        clerk.query("UPDATE agent_instance SET status = 'stopped'")
        Leases(clerk.database).take(name="leader:a", holder="x", term=timedelta(minutes=1))
        cursor.execute("SELECT 1")
        connection.poll()
        heard = {(notify.channel, notify.payload) for notify in connection.notifies}
    assert heard == {
        ("muster_state_changed", ""),
        ("muster_instance_registered", "i"),
        ("muster_instance_deregistered", "i"),
        ("muster_leader_changed", "leader:a"),
    }


def test_a_database_that_cannot_be_reached_is_said_at_once(database_url: str):
    with FaultProxy(database_url) as proxy:
        proxy.refuse()
        with pytest.raises(StoreUnavailable):
            subscribe(print, database=proxy.url)
