"""`/v1/instances`: heartbeats, health that decays by itself, orders that outlive heartbeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from muster.fleet import AGENT_TYPES, CONDITIONS, REPORTS
from muster.keys.access import Role
from muster.store.instances import Instance, Instances
from tests.support.api_calls import Api
from tests.support.clerk import database_of, query

ONE = {"instance_id": "one", "agents": ["counter"]}


@pytest.fixture
def second_api(api: Api) -> Iterator[Api]:
    """Another process of the API on the same database."""
    made = Api(url=api.url, database=database_of(api.url), key=api.key)
    yield made
    made.database.close()


def _aged(api: Api, seconds: float, instance: str = "one") -> None:
    """Let time pass for an instance."""
    api.query(
        "UPDATE agent_instance SET last_heartbeat = now() - make_interval(secs => %s)"
        " WHERE instance_id = %s",
        seconds,
        instance,
    )


def _one(api: Api) -> dict[str, Any]:
    return api.call("GET", "/v1/instances/one").json


def test_health_falls_by_itself_while_nobody_writes(api: Api):
    # Given an instance that has registered, whose times are long beside what a look takes
    times = {"heartbeat_seconds": 3000, "stale_seconds": 12_000}
    api.call("POST", "/v1/instances", body={**ONE, **times})
    scores: list[float] = []
    # When time passes without a heartbeat
    for seconds in (0, 2900, 6000, 9000, 11_900, 15_000, 21_000, 1_000_000):
        _aged(api, seconds)
        scores.append(_one(api)["health_score"])
    # Then its score, computed when it is read, stays while beats are on time, and falls to nothing
    assert scores[:2] == [1, 1]
    assert scores == sorted(scores, reverse=True)
    assert scores[4] == pytest.approx(0.5, abs=0.02)
    assert scores[-1] == 0
    # And one heartbeat mends it
    api.call("POST", "/v1/instances/one/heartbeat", body={})
    assert _one(api)["health_score"] == 1


def test_load_is_the_largest_share_and_units_are_not_mixed(api: Api):
    for metrics, load, score in (
        ({}, 0, 1),
        ({"cpu": 0.1, "pending_tasks": 3}, 0.1, 1),
        ({"active_connections": 40, "pending_tasks": 30}, 0.7, 0.9),
        ({"cpu": 0.65, "memory": 0.9}, 0.9, 0.7),
        ({"avg_response_seconds": 900}, 0, 1),
        ({"active_connections": 1e308, "pending_tasks": 1e308}, 20_000_000, 0.7),
    ):
        api.call("POST", "/v1/instances", body={**ONE, "load_metrics": metrics})
        assert (_one(api)["load"], _one(api)["health_score"]) == (load, score), metrics
        assert api.call("GET", "/tasks/status").status == 200


def test_each_status_that_it_may_say_has_its_score(api: Api):
    api.call("POST", "/v1/instances", body=ONE)
    agent = api.new_key(Role.AGENT)
    scores: dict[str, float] = {}
    for status in REPORTS:
        said = api.call("PUT", "/v1/instances/one/status", body={"status": status}, key=agent)
        scores[status] = said.json["health_score"]
    assert scores == {
        "active": 1,
        "busy": 0.9,
        "maintenance": 0.8,
        "inactive": 0,
        "error": 0.5,
        "unhealthy": 0.5,
        "spawning": 0.5,
        "terminating": 0.5,
    }


@pytest.mark.parametrize("order", ["maintenance", "inactive"])
def test_an_operators_order_outlives_whatever_the_instance_says(api: Api, order: str):
    # Given an instance that an operator took out of service
    api.call("POST", "/v1/instances", body=ONE)
    api.call("PUT", "/v1/instances/one/status", body={"status": order})
    # When it beats, says that it is active, and registers anew
    agent = api.new_key(Role.AGENT)
    api.call("POST", "/v1/instances/one/heartbeat", body={"status": "active"}, key=agent)
    api.call("PUT", "/v1/instances/one/status", body={"status": "active"}, key=agent)
    api.call("POST", "/v1/instances", body=ONE, key=agent)
    # Then it is still out of service
    assert _one(api)["status"] == order
    # And an operator puts it back
    api.call("PUT", "/v1/instances/one/status", body={"status": "active"})
    assert _one(api)["status"] == "active"


def test_a_status_report_is_no_heartbeat(api: Api):
    api.call("POST", "/v1/instances", body=ONE)
    _aged(api, 100)
    before = _one(api)["last_heartbeat"]
    assert (
        api.call("PUT", "/v1/instances/one/status", body={"status": "busy"}).json["last_heartbeat"]
        == before
    )


def test_each_instance_is_stale_after_its_own_time(api: Api):
    # Given instances that beat at different intervals, silent for 125 s
    api.call("POST", "/v1/instances", body=ONE)
    slow = {"instance_id": "slow", "heartbeat_seconds": 60, "stale_seconds": 300}
    api.call("POST", "/v1/instances", body=slow)
    for name in ("one", "slow"):
        _aged(api, 125, name)
    # Then only the one whose time is over is stale, before any sweep
    found = api.call("GET", "/v1/instances").json["instances"]
    assert {i["instance_id"]: i["status"] for i in found} == {"one": "stale", "slow": "active"}
    # And the sweep says the same, once
    with api.dispatching() as database:
        table = Instances(database)
        assert [table.sweep(), table.sweep()] == [["one"], []]
    # And it is back with its next heartbeat
    api.call("POST", "/v1/instances/one/heartbeat", body={})
    assert _one(api)["status"] == "active"


def test_one_lost_heartbeat_must_not_look_like_an_end(api: Api):
    for beat, stale in ((30, 60), (60, 120), (60, 60)):
        times = {"heartbeat_seconds": beat, "stale_seconds": stale}
        reply = api.call("POST", "/v1/instances", body={**ONE, **times})
        assert reply.status == 422
        assert "twice" in reply.json["detail"]


def test_plain_sql_is_held_to_the_same_rule(database_url: str):
    with pytest.raises(Exception, match="agent_instance_stale"):
        query(
            database_url,
            "INSERT INTO agent_instance (instance_id, heartbeat_seconds) VALUES ('one', 60)",
        )


def test_deregistering_keeps_the_data(api: Api):
    # Given an instance that ends
    api.call("POST", "/v1/instances", body={**ONE, "tags": ["kept"]})
    ended = api.call("DELETE", "/v1/instances/one")
    assert (ended.status, ended.json["status"], ended.json["tags"]) == (200, "inactive", ["kept"])
    assert ended.json["health_score"] == 0
    # When it beats, then it is told to register again, and doing so is enough
    assert api.call("POST", "/v1/instances/one/heartbeat", body={}).status == 404
    assert api.call("POST", "/v1/instances", body=ONE).status == 200
    assert _one(api)["status"] == "active"


def test_registering_again_says_anew_what_it_is(api: Api):
    # Given an instance with a capability that it loses, and an agent that it serves no more
    api.call("POST", "/v1/instances", body={**ONE, "capabilities": ["a", "b"]})
    api.call("POST", "/v1/instances", body={**ONE, "agents": ["http-fetch"], "capabilities": ["b"]})
    # Then it is found by what it has now only
    for query_, count in (
        ({"capabilities": "a"}, 0),
        ({"capabilities": "b"}, 1),
        ({"agent_id": "counter"}, 0),
        ({"agent_id": "http-fetch"}, 1),
    ):
        assert len(api.call("GET", "/v1/instances", query=query_).json["instances"]) == count


def test_unknown_words_and_percents_are_422(api: Api):
    api.call("POST", "/v1/instances", body=ONE)
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "/v1/instances/one/status", {"status": "sleeping"}),
        ("PUT", "/v1/instances/one/status", {"status": "stale"}),
        ("POST", "/v1/instances/one/heartbeat", {"status": "sleeping"}),
        ("POST", "/v1/instances/one/heartbeat", {"load_metrics": {"cpu": 40}}),
        ("POST", "/v1/instances", {**ONE, "agent_type": "wizard"}),
    ]
    for method, path, body in calls:
        assert api.call(method, path, body=body).status == 422, (path, body)
    assert _one(api)["status"] == "active"


def test_a_whole_number_is_one_however_it_is_written(api: Api):
    made = api.call("POST", "/v1/instances", body={**ONE, "capacity": 4.0, "running_jobs": 2.0})
    assert (made.json["capacity"], made.json["running_jobs"]) == (4, 2)


def test_the_words_are_the_tables_own(database_url: str):
    rows = query(
        database_url,
        "SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint"
        " WHERE conrelid = 'agent_instance'::regclass AND contype = 'c'",
    )
    rules = " ".join(row["rule"] for row in rows)
    assert [word for word in (*AGENT_TYPES, *REPORTS) if f"'{word}'" not in rules] == []
    assert set(CONDITIONS) - set(REPORTS) == {"stale"}


def test_two_processes_tell_the_same_at_once(api: Api, second_api: Api):
    # Given two processes of the API, of which one registers an instance and an operator stops it by the other
    api.call("POST", "/v1/instances", body=ONE)
    second_api.call("PUT", "/v1/instances/one/status", body={"status": "maintenance"})
    # Then both say so at once, and after any change through either
    for process in (api, second_api):
        assert process.call("GET", "/v1/instances/one").json["status"] == "maintenance"
    api.call("DELETE", "/v1/instances/one")
    assert second_api.call("GET", "/v1/instances/one").json["status"] == "inactive"
    assert second_api.call("POST", "/agents/discover", body={"status": "active"}).json["count"] == 0


def test_a_listener_is_an_instance_like_the_others(api: Api):
    # Given a listener that beats as listeners do
    listener = Instance(
        instance_id="task-1", agent_id="counter", hostname="h", pid=1, version="1", code_version="c"
    )
    Instances(api.database).beat(listener, status="running", running_jobs=2)
    # Then it is discovered with its load, and an order about it outlives its beats
    (found,) = api.call("GET", "/v1/instances", query={"agent_id": "counter"}).json["instances"]
    assert (found["kind"], found["running_jobs"], found["status"]) == ("listener", 2, "active")
    api.call("PUT", "/v1/instances/task-1/status", body={"status": "maintenance"})
    Instances(api.database).beat(listener, status="running", running_jobs=0)
    assert api.call("GET", "/v1/instances/task-1").json["status"] == "maintenance"
