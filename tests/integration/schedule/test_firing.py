"""What falls due is fired: recorded once, sent with its delay, started to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from muster.schedule.fire import fire_id
from muster.schedule.jitter import start_of
from muster.store.connection import Database
from muster.store.statements import statements
from tests.support.clerk import AGENT, database_of
from tests.support.schedules import Moment, Timetable, seldom
from tests.support.timepiece import Waits
from tests.support.waiting import wait_until

MINUTE = timedelta(minutes=1)


def test_a_schedule_that_falls_due_is_recorded_and_sent_with_its_exact_delay(timetable: Timetable):
    # Given a schedule that is planned in 100.4 seconds
    often = seldom()
    timetable.add(kind="every", expression=often, params={"n": 7}, priority="low")
    timetable.change("next_at = now() + interval '100.4 seconds'")
    planned = timetable.row()["next_at"]
    before = timetable.moment()

    # When the dispatcher ticks
    assert timetable.shop.tick().done["fire"] == 1

    # Then one execution waits for that time
    [fire] = timetable.fires()
    assert (fire["status"], fire["source"], fire["fence"]) == ("pending", "schedule", 0)
    assert fire["scheduled_for"] == fire["available_at"] == fire["queued_at"] == planned
    assert fire["params"] == {"n": 7}
    assert fire["relay_after"] > planned
    assert timetable.shop.clerk.story(fire["job_id"]) == ["created"]
    # And its message appears in the last second before
    [message] = timetable.messages()
    assert (message["job_id"], message["source"]) == (fire["job_id"], "schedule")
    assert (message["params"], message["priority"]) == ({"n": 7}, "low")
    assert datetime.fromisoformat(message["scheduled_for"]) == planned
    assert timetable.appears(message, planned, since=before)
    # And the schedule waits for the next of its times, which count from 1970
    row = timetable.row()
    assert row["next_at"] > planned
    assert row["next_at"].timestamp() % (int(often.removesuffix("h")) * 3600) == 0
    assert row["last_planned_at"] == planned
    assert timetable.shop.metrics.counts["Fired"] == 1


def test_what_one_statement_fires_of_many_schedules_is_each_one_s_own(timetable: Timetable):
    """They share a rule and a time, so that the tick decides about them at once."""
    # Given schedules of two tenants, one of them with jitter, and one of another time
    planned = timetable.now().replace(microsecond=0) + 3 * MINUTE
    at = {"kind": "at", "expression": planned.isoformat(), "next_at": planned}
    timetable.add("plain", **at, params={"text": "größer 🚀"}, priority="low")
    timetable.add("spread", **at, jitter_seconds=60)
    timetable.add("theirs", **at, tenant="acme", params={"n": 1})
    timetable.add("other", **at | {"next_at": planned + MINUTE})

    # When the dispatcher ticks
    assert timetable.shop.tick().done["fire"] == 4

    # Then each has its own job, as any other way of firing that time would name it
    names = {"plain": "default", "spread": "default", "theirs": "acme", "other": "default"}
    fires = {name: timetable.fires(name)[0] for name in names}
    jobs: dict[str, str] = {}
    for name, tenant in names.items():
        time = planned + MINUTE if name == "other" else planned
        jobs[name] = fire_id(tenant=tenant, name=name, generation=1, planned=time)
        assert (fires[name]["job_id"], fires[name]["tenant"]) == (jobs[name], tenant)
        assert fires[name]["scheduled_for"] == time
    assert fires["plain"]["available_at"] == planned
    assert fires["spread"]["available_at"] == start_of(
        planned, job_id=jobs["spread"], jitter=MINUTE
    )
    # And its own message
    sent = {message["job_id"]: message for message in timetable.messages()}
    assert sent.keys() == set(jobs.values())
    assert sent[jobs["plain"]]["params"] == {"text": "größer 🚀"}
    assert (sent[jobs["theirs"]]["params"], sent[jobs["theirs"]]["tenant"]) == ({"n": 1}, "acme")
    # Of one page the ids begin alike, and no two are the same
    ids = {str(fire["execution_id"]) for fire in fires.values()}
    assert len(ids) == 4
    assert len({execution_id[:-4] for execution_id in ids}) == 1


def test_plain_sql_needs_no_more_than_agent_name_and_expression(timetable: Timetable):
    """What nobody has planned yet fires from its making on, five minutes ahead."""
    timetable.add()

    before = timetable.now()
    timetable.shop.tick()
    after = timetable.now()

    row, fires = timetable.row(), timetable.fires()
    first = row["effective_at"].replace(second=0, microsecond=0) + MINUTE
    times = [fire["scheduled_for"] for fire in fires]
    assert times == [first + n * MINUTE for n in range(len(fires))]
    # Whenever in between the tick looked at the clock
    assert times[-1] <= after + 5 * MINUTE
    assert before + 5 * MINUTE < row["next_at"] == times[-1] + MINUTE
    assert fires[0]["job_id"] == f"schedule:job:1:{first.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_fault_42_dispatchers_at_once_fire_each_planned_time_once(timetable: Timetable):
    # Given 60 schedules that are due, and eight dispatchers
    shop = timetable.shop
    names = [f"s{number}" for number in range(60)]
    for name in names:
        timetable.add(name, kind="every", expression=seldom())
        timetable.change("next_at = now() + interval '1 minute'", name)
    databases = [database_of(shop.clerk.url) for _ in range(8)]
    barrier = Barrier(len(databases))

    def fire(database: Database) -> None:
        [duty] = [d for d in shop.duties(database=database).all() if d.name == "fire"]
        barrier.wait(120)
        while duty.page():
            pass

    # When they fire at the same moment
    threads = [Thread(target=fire, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for database in databases:
        database.close()
    shop.tick()

    # Then every schedule has one execution and one message
    assert {name: len(timetable.fires(name)) for name in names} == dict.fromkeys(names, 1)
    assert len(timetable.messages()) == len(names)


def test_a_fire_starts_at_its_time_and_not_a_moment_before(timetable: Timetable):
    # Given a one-off that is due soon, and a worker whose waits are real
    shop, clock = timetable.shop, Waits()
    shop.clock = clock
    planned = timetable.now() + timedelta(seconds=1.5)
    timetable.add(kind="at", expression=planned.isoformat())
    shop.tick()
    [message] = timetable.messages()
    looks: list[Moment] = []

    def look() -> bool:
        begun, waited = timetable.moment(), clock.waited
        looks.append(begun)
        shop.deliver()
        # Then it waits out the rest of the second, and no more
        assert clock.waited - waited <= max(0, (planned - begun.at).total_seconds()) + 0.001
        return timetable.fires()[0]["status"] == "completed"

    # When the worker polls
    wait_until(look)

    # Then it started when it was planned: not early, and at the first look that could find it
    [fire] = timetable.fires()
    assert fire["available_at"] == planned <= fire["started_at"]
    able = [
        each for each in looks if each.at >= planned and each.monotonic >= message["visible_from"]
    ]
    assert able in ([], looks[-1:])


def test_a_one_off_fires_once(timetable: Timetable):
    timetable.add(kind="at", expression=(timetable.now() + MINUTE).isoformat())

    for _ in range(3):
        timetable.shop.tick()

    assert len(timetable.fires()) == 1
    assert timetable.row()["next_at"] is None


def test_a_one_off_of_the_past_does_not_fire(timetable: Timetable):
    timetable.add(kind="at", expression="2020-01-01T00:00:00Z")

    timetable.shop.tick()

    assert timetable.fires() == []
    assert timetable.row()["next_at"] is None


@pytest.mark.parametrize(("expression", "every"), [("*/5 * * * *", 5), ("* * * * *", 1)])
def test_of_missed_times_the_latest_fires_once(expression: str, every: int, timetable: Timetable):
    """A dispatcher that was away for three days makes one fire up."""
    # Given a schedule whose next time is three days past
    timetable.add(expression=expression)
    timetable.change("next_at = date_trunc('hour', now()) - interval '3 days'")

    # When the dispatcher ticks
    before = timetable.now()
    timetable.shop.tick()
    after = timetable.now()

    # Then of the past only the last time fired, and it starts at once
    times = [fire["scheduled_for"] for fire in timetable.fires()]
    assert before - every * MINUTE < times[0] <= after
    assert times == [times[0] + n * every * MINUTE for n in range(len(times))]
    assert all(time > before for time in times[1:])
    assert timetable.messages()[0]["hidden"] <= 0
    assert timetable.row()["next_at"] > before + 5 * MINUTE


def test_a_schedule_that_cannot_be_planned_says_why_and_keeps_no_other_from_firing(
    timetable: Timetable,
):
    timetable.add("bad", expression="0 0 31 4 *")
    timetable.add("good")

    timetable.shop.tick()

    bad = timetable.row("bad")
    assert "none of these months" in bad["problem"]
    assert bad["next_at"] is None
    assert len(timetable.fires("good")) >= 5
    # And mended it fires
    timetable.change("expression = '* * * * *'", "bad")
    timetable.shop.tick()
    assert timetable.row("bad")["problem"] is None
    assert len(timetable.fires("bad")) >= 5


def test_start_and_end_bound_a_schedule(timetable: Timetable):
    now = timetable.now()
    timetable.add(start_at=now + 2 * MINUTE, end_at=now + 4 * MINUTE)

    timetable.shop.tick()

    times = [fire["scheduled_for"] for fire in timetable.fires()]
    assert len(times) == 2
    assert all(now + 2 * MINUTE <= time <= now + 4 * MINUTE for time in times)
    assert timetable.row()["next_at"] is None


def test_an_agent_without_a_queue_fires_nothing(timetable: Timetable):
    timetable.add(agent_id="elsewhere")
    timetable.change("next_at = now() - interval '1 minute'")

    timetable.shop.tick()

    assert timetable.fires() == []
    assert timetable.row()["next_at"] > timetable.now()


def test_what_a_queue_refuses_is_sent_by_the_next_tick(
    timetable: Timetable, caplog: pytest.LogCaptureFixture
):
    # Given a queue that is gone
    shop = timetable.shop
    timetable.add(kind="every", expression=seldom())
    timetable.change("next_at = now() + interval '200 seconds'")
    planned = timetable.row()["next_at"]
    gone = shop.memory.stored.pop(shop.lane)
    # When the dispatcher ticks, and again when the queue is back
    shop.tick()
    assert "1 fires of tester were not sent" in caplog.text
    shop.memory.stored[shop.lane] = gone
    assert timetable.messages() == []
    shop.clerk.query(
        "UPDATE agent_job_execution SET relay_after = relay_after - interval '1 minute'"
    )
    before = timetable.moment()
    shop.tick()
    # Then the message is on its way, with what is left of the delay in whole seconds
    [message] = timetable.messages()
    assert timetable.appears(message, planned, since=before, late=1)


def test_due_schedules_are_found_by_their_index_alone(timetable: Timetable):
    # Given many schedules, few of them due
    clerk = timetable.shop.clerk
    clerk.query(
        "INSERT INTO agent_schedule (agent_id, name, expression, next_at)"
        " SELECT %s, 's' || n, '* * * * *', now() + make_interval(hours => n)"
        " FROM generate_series(0, 20000) n",
        AGENT,
    )
    clerk.query("ANALYZE agent_schedule")
    # When the plan of the query is asked for
    text = statements("schedule")["schedules_due"].text
    for name, value in (("ahead_seconds", 300), ("page", 500), ("until", "NULL")):
        text = text.replace(f"%({name})s", str(value))
    plan = clerk.query(f"EXPLAIN {text}")
    # Then the index leads it, in its own order
    lines = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "agent_schedule_due" in lines
    assert "Seq Scan on agent_schedule" not in lines
