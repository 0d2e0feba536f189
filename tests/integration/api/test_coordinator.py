"""`/agents`, as the agent coordinator had it: its fields and codes, without what was found wrong in it."""

from __future__ import annotations

from typing import Any

import pytest

from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api

WORKER = {
    "agent_id": "worker-1",
    "agent_type": "worker",
    "capabilities": ["ocr", "pdf"],
    "services": [AGENT],
    "endpoints": {"http": "https://worker-1.example"},
    "metadata": {"zone": "a"},
    "tags": ["gpu"],
    "version": "2.1.0",
}


def _register(api: Api, **changes: Any) -> None:
    assert api.call("POST", "/agents/register", body={**WORKER, **changes}).status == 200


def _discover(api: Api, **wanted: Any) -> list[str]:
    reply = api.call("POST", "/agents/discover", body=wanted)
    assert reply.json["count"] == len(reply.json["agents"])
    return [agent["agent_id"] for agent in reply.json["agents"]]


def _age(api: Api, agent_id: str, seconds: int) -> None:
    api.query(
        "UPDATE agent_instance SET last_heartbeat = now() - make_interval(secs => %s)"
        " WHERE instance_id = %s",
        seconds,
        agent_id,
    )


def test_an_agent_of_the_coordinator_registers_beats_reports_and_leaves(api: Api):
    # Given an agent's key
    key = api.new_key(Role.AGENT)
    # When an agent of the coordinator lives its life
    registered = api.call("POST", "/agents/register", body=WORKER, key=key).json
    found = api.call("GET", "/agents/worker-1", key=key).json["agent"]
    busy = {"status": "busy", "load_metrics": {"active_connections": 5}}
    reported = api.call("PUT", "/agents/worker-1/status", body=busy, key=key).json
    beaten = api.call("POST", "/agents/worker-1/heartbeat", key=key).json
    left = api.call("DELETE", "/agents/worker-1", key=key).json
    # Then it is answered in the coordinator's words
    answers = (registered, reported, beaten, left)
    assert {(a["status"], a["agent_id"]) for a in answers} == {("success", "worker-1")}
    assert registered["registered_at"] == found["registration_time"]
    assert {name: found[name] for name in WORKER} == WORKER
    assert (found["status"], found["health_score"]) == ("active", 1)
    assert reported["new_status"] == "busy"
    assert beaten["heartbeat_at"] >= found["last_heartbeat"]
    # And the agent that its service names is one that it served
    assert api.query("SELECT agent_id FROM agent_instance_agent") == []
    # And its data is still there
    kept = api.call("GET", "/agents/worker-1").json["agent"]
    assert (kept["status"], kept["metadata"]) == ("inactive", {"zone": "a"})


def test_discovery_asks_for_all_and_sorts_by_health(api: Api):
    # Given three agents, of which one is loaded and one is silent
    _register(api, agent_id="fresh")
    _register(api, agent_id="loaded", load_metrics={"cpu": 0.9})
    _register(api, agent_id="silent", agent_type="provider", capabilities=["ocr"], tags=[])
    _age(api, "silent", 500)
    # When they are looked for
    # Then the healthiest comes first, and whoever lacks one thing is not there
    assert _discover(api) == ["fresh", "loaded", "silent"]
    assert _discover(api, capabilities=["ocr", "pdf"]) == ["fresh", "loaded"]
    assert _discover(api, capabilities=["ocr", "pdf", "flying"]) == []
    assert _discover(api, services=[AGENT], tags=["gpu"]) == ["fresh", "loaded"]
    assert _discover(api, agent_type="provider") == ["silent"]
    assert _discover(api, status="active") == ["fresh", "loaded"]
    assert _discover(api, status="stale") == ["silent"]
    assert _discover(api, min_health_score=0.8) == ["fresh"]
    assert _discover(api, limit=1) == ["fresh"]


def test_defect_a_silent_agent_is_not_active_with_full_health(api: Api):
    _register(api)
    _age(api, "worker-1", 500)
    agent = api.call("GET", "/agents/worker-1").json["agent"]
    assert (agent["status"], agent["health_score"]) == ("stale", 0)


def test_defect_marking_an_agent_inactive_does_not_refresh_its_heartbeat(api: Api):
    _register(api)
    _age(api, "worker-1", 100)
    before = api.call("GET", "/agents/worker-1").json["agent"]["last_heartbeat"]
    api.call("PUT", "/agents/worker-1/status", body={"status": "inactive"})
    after = api.call("GET", "/agents/worker-1").json["agent"]
    assert after["last_heartbeat"] == before
    assert after["health_score"] == 0


@pytest.mark.parametrize("status", ["maintenance", "inactive", "busy", "error"])
def test_defect_a_heartbeat_does_not_force_an_agent_active(api: Api, status: str):
    _register(api)
    api.call("PUT", "/agents/worker-1/status", body={"status": status})
    api.call("POST", "/agents/worker-1/heartbeat")
    assert api.call("GET", "/agents/worker-1").json["agent"]["status"] == status
    assert _discover(api, status="active") == []


def test_defect_a_dropped_capability_no_longer_finds_the_agent(api: Api):
    _register(api)
    _register(api, capabilities=["pdf"])
    assert _discover(api, capabilities=["ocr"]) == []
    assert _discover(api, capabilities=["pdf"]) == ["worker-1"]


def test_defect_every_documented_type_is_taken(api: Api):
    for agent_type in ("provider", "consumer", "general", "coordinator", "worker"):
        _register(api, agent_type=agent_type)
        assert _discover(api, agent_type=agent_type) == ["worker-1"]


def test_defect_an_unknown_word_is_422_and_never_500_or_an_empty_200(api: Api):
    _register(api)
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/agents/discover", {"agent_type": "wizard"}),
        ("POST", "/agents/discover", {"status": "sleepy"}),
        ("POST", "/agents/discover", {"limit": 0}),
        ("POST", "/agents/register", {**WORKER, "agent_type": "wizard"}),
        ("POST", "/agents/register", {"agent_id": "worker-1"}),
        ("POST", "/agents/register", {**WORKER, "endpoints": {"http": "gopher://x"}}),
        ("PUT", "/agents/worker-1/status", {"status": "sleepy"}),
        ("PUT", "/agents/worker-1/status", {}),
    ]
    for method, path, body in calls:
        assert api.call(method, path, body=body).status == 422, (path, body)


def test_defect_an_unknown_agent_is_404_everywhere(api: Api):
    calls = (
        ("GET", "/agents/nobody", None),
        ("PUT", "/agents/nobody/status", {"status": "active"}),
        ("POST", "/agents/nobody/heartbeat", None),
        ("DELETE", "/agents/nobody", None),
    )
    for method, path, body in calls:
        assert api.call(method, path, body=body).status == 404, path
