"""Edit, pause, retire: no fire of an old generation starts, whatever a tick does meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest

from muster.model import Status
from tests.support.clerk import AGENT, claim_one, held, ledger_at, query
from tests.support.schedules import MeddlingDatabase, Timetable, seldom
from tests.support.waiting import wait_until

HALF_A_MINUTE = timedelta(seconds=30)


def _due(timetable: Timetable, **columns: object) -> None:
    """A one-off in half a minute, of which nothing is fired yet."""
    timetable.add(kind="at", expression=(timetable.now() + HALF_A_MINUTE).isoformat(), **columns)


def _states(timetable: Timetable) -> list[tuple[int, str, str | None]]:
    return [
        (fire["schedule_generation"], fire["status"], fire["reason"]) for fire in timetable.fires()
    ]


def _fire(timetable: Timetable, database: MeddlingDatabase) -> None:
    """The duty `fire` on this connection, until nothing is left."""
    [duty] = [d for d in timetable.shop.duties(database=database).all() if d.name == "fire"]
    while duty.page():
        pass
    database.close()


def test_an_edit_calls_off_what_has_not_started_and_fires_it_anew(timetable: Timetable):
    # Given a fire that is on its way
    _due(timetable, params={"n": 1})
    timetable.shop.tick()
    # When its schedule is edited, and the dispatcher ticks
    timetable.change("""params = '{"n": 2}'""")
    assert _states(timetable) == [(1, "cancelled", "schedule_changed")]
    timetable.shop.tick()
    # Then the new generation fires the same planned time
    assert _states(timetable) == [(1, "cancelled", "schedule_changed"), (2, "pending", None)]
    first, second = timetable.fires()
    assert first["scheduled_for"] == second["scheduled_for"]
    # And when both messages come, only that one runs
    timetable.shop.skip(HALF_A_MINUTE)
    timetable.shop.deliver()
    assert [state for _, state, _ in _states(timetable)] == ["cancelled", "completed"]
    assert timetable.shop.problems(at_rest=True) == []


def test_an_edit_leaves_alone_what_has_started_and_does_not_fire_it_again(timetable: Timetable):
    # Given a fire that a worker has taken
    _due(timetable)
    timetable.shop.tick()
    [fire] = timetable.fires()
    timetable.shop.clerk.change(fire["job_id"], "available_at = now()")
    claim = timetable.shop.clerk.take(fire["job_id"])
    # When its schedule is edited once its time is past
    timetable.change("expression = (now() - interval '1 second')::text")
    timetable.shop.tick()
    # Then it goes on to its end, alone
    assert timetable.shop.clerk.settle(claim, "completed") is Status.COMPLETED
    assert _states(timetable) == [(1, "completed", None)]


def test_an_edit_between_the_ticks_look_and_its_write_wins(timetable: Timetable):
    # Given a tick that has read the schedule when the edit comes
    _due(timetable, params={"n": 1})
    edits = iter(["""params = '{"n": 2}'"""])
    database = MeddlingDatabase(
        timetable.shop.clerk.url,
        statement="fire",
        before=lambda: [timetable.change(edit) for edit in edits] and None,
    )

    # When it writes
    _fire(timetable, database)
    timetable.shop.tick()

    # Then the old generation fired nothing, the new one once
    assert _states(timetable) == [(2, "pending", None)]
    assert timetable.fires()[0]["params"] == {"n": 2}


def test_a_tick_passes_over_a_schedule_that_is_being_edited(timetable: Timetable):
    _due(timetable)
    edit = "UPDATE agent_schedule SET priority = 'high' WHERE name = 'job'"

    # While the edit's transaction is open the tick does not wait for it
    with held(timetable.shop.clerk.url, edit):
        timetable.shop.tick()
        assert timetable.fires() == []

    # It was rolled back, so the next tick fires the schedule as it was
    timetable.shop.tick()
    assert _states(timetable) == [(1, "pending", None)]


def test_the_statement_repeated_after_a_lost_reply_sends_what_the_first_time_recorded(
    timetable: Timetable,
):
    # Given a connection on which every reply to `fire` is lost once
    _due(timetable)
    database = MeddlingDatabase(timetable.shop.clerk.url, statement="fire", repeat=True)

    # When the dispatcher fires
    _fire(timetable, database)

    # Then there is one execution, and its message
    assert _states(timetable) == [(1, "pending", None)]
    assert len(timetable.messages()) == 1


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("paused = true", "schedule_paused"),
        ("enabled = false", "schedule_paused"),
        ("retired_at = now()", "schedule_retired"),
    ],
)
def test_a_schedule_that_is_paused_or_retired_does_not_fire(
    assignment: str, reason: str, timetable: Timetable
):
    # Given a fire on its way, and its schedule stopped
    timetable.add(kind="every", expression=seldom())
    timetable.change("next_at = now() + interval '30 seconds'")
    timetable.shop.tick()
    timetable.change(assignment)
    assert _states(timetable) == [(1, "cancelled", reason)]

    # When its next times come
    timetable.change("next_at = now() - interval '1 minute'")
    timetable.shop.tick()

    # Then nothing fires
    assert len(timetable.fires()) == 1


def test_what_fell_due_during_a_pause_is_not_made_up(timetable: Timetable):
    timetable.add(kind="every", expression="10s", paused=True)
    timetable.shop.tick()
    timetable.change("effective_at = now() - interval '1 hour'")
    timetable.change("paused = false")
    resumed = timetable.row()["effective_at"]

    timetable.shop.tick()

    row, times = timetable.row(), [fire["scheduled_for"] for fire in timetable.fires()]
    assert row["generation"] == 2
    assert timedelta(0) < times[0] - resumed <= timedelta(seconds=10)
    assert len(times) >= 30


def test_a_deleted_schedule_takes_its_fires_along(timetable: Timetable):
    _due(timetable)
    timetable.shop.tick()

    timetable.shop.clerk.query("DELETE FROM agent_schedule")

    assert _states(timetable) == [(1, "cancelled", "schedule_deleted")]


def test_what_changes_nothing_raises_no_generation(timetable: Timetable):
    _due(timetable)
    timetable.shop.tick()

    timetable.change("params = params, paused = false, owner = 'manifest'")

    assert timetable.row()["generation"] == 1
    assert _states(timetable) == [(1, "pending", None)]


def test_the_schedules_of_a_disabled_agent_do_not_fire_and_are_not_made_up(timetable: Timetable):
    # Given a schedule whose time is past, and one that is due soon, of a disabled agent
    clerk = timetable.shop.clerk
    timetable.add(kind="every", expression=seldom())
    timetable.change("next_at = now() - interval '1 minute'")
    timetable.add("soon", kind="every", expression=seldom())
    timetable.change("next_at = now() + interval '1 minute'", "soon")
    clerk.query("UPDATE agent_registry SET enabled = false WHERE agent_id = %s", AGENT)
    # When the dispatcher ticks
    timetable.shop.tick()
    # Then nothing fires, and what is past stays past when the agent is enabled again
    assert timetable.fires() + timetable.fires("soon") == []
    clerk.query("UPDATE agent_registry SET enabled = true WHERE agent_id = %s", AGENT)
    timetable.shop.tick()
    now = timetable.now()
    assert all(fire["scheduled_for"] > now for fire in timetable.fires())
    # And what had not come yet fires
    assert len(timetable.fires("soon")) == 1


def test_edits_that_race_with_ticks_leave_one_live_fire_for_each_planned_time(
    timetable: Timetable,
):
    # Given a schedule with many times ahead
    url, rounds = timetable.shop.clerk.url, 25
    timetable.add(kind="every", expression="10s")

    def edit() -> None:
        for n in range(rounds):
            query(url, "UPDATE agent_schedule SET params = jsonb_build_object('n', %s::int)", n)

    # When it is edited again and again while a dispatcher fires
    editor = Thread(target=edit)
    editor.start()
    while editor.is_alive():
        _fire(timetable, MeddlingDatabase(url, statement="none"))
    editor.join()
    _fire(timetable, MeddlingDatabase(url, statement="none"))

    # Then every planned time has exactly one execution that may start, of the newest generation
    live = [fire for fire in timetable.fires() if fire["status"] == "pending"]
    newest = timetable.row()["generation"]
    assert newest == rounds + 1
    assert {fire["schedule_generation"] for fire in live} == {newest}
    assert set(Counter(fire["scheduled_for"] for fire in live).values()) == {1}
    assert {tuple(fire["params"].items()) for fire in live} == {(("n", rounds - 1),)}


def test_whatever_races_with_ticks_and_workers_no_fire_of_an_old_generation_starts(
    timetable: Timetable,
):
    # Given schedules with many times ahead, dispatchers that fire them and a worker that takes all it finds
    url, names = timetable.shop.clerk.url, [f"s{n}" for n in range(6)]
    for name in names:
        timetable.add(name, kind="every", expression="10s")
    done = Event()
    threads = [Thread(target=_keep_firing, args=(timetable, done)) for _ in range(2)]
    threads.append(Thread(target=_keep_taking, args=(url, done)))
    for thread in threads:
        thread.start()
    wait_until(lambda: _begun(timetable))

    # When they are edited, paused, resumed and retired meanwhile
    begun: set[str] = set()
    changes = (
        "params = jsonb_build_object('n', %s::int)",
        "paused = (%s::int %% 2 = 0)",
        "paused = (%s::int %% 2 = 1)",
        "retired_at = CASE WHEN %s::int %% 4 = 3 THEN now() END",
    )
    for n in range(40):
        name = names[n % len(names)]
        query(
            url, f"UPDATE agent_schedule SET {changes[n % len(changes)]} WHERE name = %s", n, name
        )
        old = _of_old_generations(timetable, name)
        # Then none of the old generation waits any more, and what has begun by now is all that ever does
        assert [row["status"] for row in old if row["status"] == "pending"] == []
        begun |= {row["job_id"] for row in old if row["fence"] > 0}
    done.set()
    for thread in threads:
        thread.join(120)
    late = {
        row["job_id"]
        for name in names
        for row in _of_old_generations(timetable, name)
        if row["fence"] > 0
    }
    assert begun
    assert late <= begun


def _of_old_generations(timetable: Timetable, name: str) -> list[dict[str, Any]]:
    return timetable.shop.clerk.query(
        "SELECT e.job_id, e.status, e.fence FROM agent_job_execution e JOIN agent_schedule s"
        " ON s.agent_id = e.agent_id AND s.name = e.schedule AND e.schedule_generation < s.generation"
        " WHERE s.name = %s",
        name,
    )


def _begun(timetable: Timetable) -> list[dict[str, Any]]:
    return timetable.shop.clerk.query("SELECT job_id FROM agent_job_execution WHERE fence > 0")


def _keep_firing(timetable: Timetable, done: Event) -> None:
    while not done.is_set():
        _fire(timetable, MeddlingDatabase(timetable.shop.clerk.url, statement="none"))


def _keep_taking(url: str, done: Event) -> None:
    """Take every fire as soon as it is recorded, whatever its time."""
    waiting = (
        "UPDATE agent_job_execution SET available_at = now()"
        " WHERE status = 'pending' AND fence = 0 AND available_at > now() RETURNING job_id"
    )
    with ledger_at(url) as ledger:
        while not done.is_set():
            for row in query(url, waiting)[:10]:
                claim_one(ledger, row["job_id"], f"message-{row['job_id']}")
