"""Schedules come, change and go with their manifests, in the transaction that registers them."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from muster.errors import MusterError
from muster.manifest import Schedule
from muster.registration import register_manifests
from tests.support.registration import Stack, agent, endpoint, execute, rows, service, whole_tables
from tests.support.schedules import Timetable

HOURLY = Schedule(name="hourly", cron="0 * * * *", timezone="Europe/Riga", params={"n": 1})
OFTEN = Schedule(name="often", every=timedelta(minutes=5))


@pytest.fixture
def stack(database_url: str) -> Stack:
    return Stack("muster-dev-agents-0", service(database_url))


def schedules(
    url: str, columns: str = "name, generation, retired_at IS NOT NULL AS retired"
) -> Any:
    """(agent's) schedules by name."""
    return {
        row.pop("name"): tuple(row.values())
        for row in rows(url, f"SELECT {columns} FROM agent_schedule ORDER BY name")
    }


def fire(url: str, name: str) -> None:
    """The dispatcher fired it, and no worker came yet."""
    execute(
        url,
        "INSERT INTO agent_job_execution (job_id, agent_id, schedule, schedule_generation, source)"
        f" VALUES ('{name}-job', 'one', '{name}', 1, 'schedule')",
    )


def states(url: str) -> dict[str, tuple[str, str | None]]:
    """Job id -> state and reason."""
    found = rows(url, "SELECT job_id, status, reason FROM agent_job_execution")
    return {row["job_id"]: (row["status"], row["reason"]) for row in found}


def test_a_deployment_makes_the_schedules_of_its_manifests(database_url: str, stack: Stack):
    stack.create(agent("one", schedules=(HOURLY, OFTEN)), agent("two"))

    found = schedules(
        database_url, "name, agent_id, kind, expression, timezone, params, enabled, owner"
    )
    assert found == {
        "hourly": ("one", "cron", "0 * * * *", "Europe/Riga", {"n": 1}, True, "manifest"),
        "often": ("one", "every", "5m", "UTC", {}, True, "manifest"),
    }


def test_the_same_deployment_again_changes_no_schedule(database_url: str, stack: Stack):
    stack.create(agent("one", schedules=(HOURLY, OFTEN)))
    fire(database_url, "hourly")
    before = whole_tables(database_url)

    stack.update(agent("one", schedules=(HOURLY, OFTEN)))

    assert whole_tables(database_url) == before


def test_a_changed_schedule_calls_off_what_it_fired_and_others_do_not(
    database_url: str, stack: Stack
):
    # Given two schedules, each with a fire that has not started
    stack.create(agent("one", schedules=(HOURLY, OFTEN)))
    fire(database_url, "hourly")
    fire(database_url, "often")
    # When one of them changes
    changed = Schedule(name="hourly", cron="0 * * * *", timezone="Europe/Riga", params={"n": 2})
    stack.update(agent("one", schedules=(changed, OFTEN)))
    # Then its generation rises and its fire is called off
    assert schedules(database_url) == {"hourly": (2, False), "often": (1, False)}
    assert states(database_url) == {
        "hourly-job": ("cancelled", "schedule_changed"),
        "often-job": ("pending", None),
    }


def test_a_schedule_that_is_gone_from_its_manifest_is_retired_and_may_come_back(
    database_url: str, stack: Stack
):
    stack.create(agent("one", schedules=(HOURLY, OFTEN)))
    fire(database_url, "hourly")

    stack.update(agent("one", schedules=(OFTEN,)))

    assert schedules(database_url) == {"hourly": (2, True), "often": (1, False)}
    assert states(database_url) == {"hourly-job": ("cancelled", "schedule_retired")}
    stack.update(agent("one", schedules=(HOURLY, OFTEN)))
    assert schedules(database_url) == {"hourly": (3, False), "often": (1, False)}


def test_an_agent_that_is_gone_takes_its_schedules_along(database_url: str, stack: Stack):
    stack.create(agent("one", schedules=(HOURLY,)), agent("two", schedules=(OFTEN,)))

    stack.update(agent("two", schedules=(OFTEN,)))
    assert schedules(database_url) == {"hourly": (2, True), "often": (1, False)}

    stack.delete()
    assert schedules(database_url) == {"hourly": (2, True), "often": (2, True)}


def test_an_agent_that_moves_to_another_stack_keeps_its_schedules(database_url: str, stack: Stack):
    other = Stack("muster-dev-agents-1", stack.service)
    stack.create(agent("one", schedules=(HOURLY,)))

    other.create(agent("one", schedules=(HOURLY,)))
    stack.update()

    assert schedules(database_url) == {"hourly": (1, False)}


def test_a_deployment_that_rolls_back_brings_the_old_schedule_back(database_url: str, stack: Stack):
    stack.create(agent("one", schedules=(HOURLY,)))
    stack.update(agent("one", schedules=(Schedule(name="hourly", cron="5 * * * *"),)))

    stack.update(agent("one", schedules=(HOURLY,)))

    found = schedules(database_url, "name, generation, expression, params")
    assert found == {"hourly": (3, "0 * * * *", {"n": 1})}


def test_what_operators_made_and_paused_stays(database_url: str, stack: Stack):
    # Given a schedule made by hand, and one of the manifest that is paused
    stack.create(agent("one", schedules=(HOURLY,)))
    execute(
        database_url,
        "INSERT INTO agent_schedule (agent_id, name, expression) VALUES ('one', 'mine', '1 * * * *');"
        " UPDATE agent_schedule SET paused = true WHERE name = 'hourly'",
    )
    # When the manifest changes
    stack.update(agent("one", schedules=(Schedule(name="hourly", cron="5 * * * *"),)))
    # Then both are as they were made
    assert schedules(database_url, "name, owner, paused, retired_at") == {
        "hourly": ("manifest", True, None),
        "mine": (None, False, None),
    }


def test_registering_by_hand_makes_schedules_too(database_url: str):
    with closing(psycopg2.connect(database_url)) as connection:
        where = {"one": {"type": "sqs", **endpoint("x", "one")}}
        register_manifests(connection, [agent("one", schedules=(OFTEN,))], endpoints=where)
        register_manifests(connection, [agent("one")], endpoints=where)

    assert schedules(database_url) == {"often": (2, True)}


def test_a_registration_that_fails_changes_no_schedule(database_url: str, stack: Stack):
    stack.create(agent("one", schedules=(HOURLY,)))
    # The database refuses what no check before it knows of
    broken = Schedule(name="hourly", cron="0 * * * *", params={"n": 2}, overlap="never")

    with pytest.raises((MusterError, psycopg2.Error)):
        stack.update(agent("one", retries=9, schedules=(broken,)))

    assert schedules(database_url) == {"hourly": (1, False)}
    assert rows(database_url, "SELECT retries FROM agent_registry") == [{"retries": 4}]


def test_a_registered_schedule_fires(timetable: Timetable):
    """From the manifest to the job: the whole way but the queue."""
    # Given the workshop's agent, registered with a schedule of every ten seconds
    manifest = agent("tester", schedules=(Schedule(name="job", every=timedelta(seconds=10)),))
    shop = timetable.shop
    with closing(psycopg2.connect(shop.clerk.url)) as connection:
        where = {"type": "sqs", "queues": {"normal": shop.lane}, "dlq": shop.dlq}
        register_manifests(connection, [manifest], endpoints={"tester": where})

    # When the dispatcher ticks and five minutes pass
    shop.tick()
    shop.skip(timedelta(seconds=301))
    while shop.deliver():
        pass

    # Then it ran thirty times, or once more where a time came before the tick did
    states = [fire["status"] for fire in timetable.fires()]
    assert states == ["completed"] * len(states)
    assert len(states) >= 30
    assert shop.problems(at_rest=True) == []
