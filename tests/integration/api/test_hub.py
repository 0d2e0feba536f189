"""`/api`, as the hub had it where agents register themselves, without what was found wrong in it."""

from __future__ import annotations

from typing import Any

from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api

ENDPOINT = {"url": "https://digest.example/execute", "method": "POST", "timeout": 300_000}
INSTANCE = {
    "instanceId": "digest-instance-1",
    "agentId": "digest",
    "agentVersion": "1.0.0",
    "endpoint": ENDPOINT,
    "capacity": 4,
    "metadata": {"region": "sin"},
}


def _instances(api: Api, **query: Any) -> list[dict[str, Any]]:
    reply = api.call("GET", "/api/instances", query=query).json
    assert reply["total"] == len(reply["instances"])
    return reply["instances"]


def test_a_service_registers_itself_with_one_call_and_says_how_it_is(api: Api):
    # Given an agent that nobody knows
    key = api.new_key(Role.AGENT)
    # When an instance of it registers, beats and registers again
    first = api.call("POST", "/api/register", body=INSTANCE, key=key)
    load = {"instanceId": "digest-instance-1", "status": "active", "currentLoad": 3}
    beaten = api.call("POST", "/api/heartbeat", body=load, key=key)
    (found,) = _instances(api, agentId="digest", agentVersion="1.0.0")
    again = api.call("POST", "/api/register", body=INSTANCE, key=key)
    # Then it is answered in the hub's words
    assert first.json == {
        "success": True,
        "instanceId": "digest-instance-1",
        "status": "registered",
    }
    assert again.json["status"] == "updated"
    assert beaten.json["success"] is True
    assert (found["currentLoad"], found["availableCapacity"]) == (3, 1)
    assert (found["endpoint"], found["metadata"]) == (ENDPOINT, {"region": "sin"})
    # And its agent is in the registry, with its endpoint
    (agent,) = api.call("GET", "/api/registry", query={"agentId": "digest"}).json["agents"]
    assert agent["endpoint"] == {"type": "http", **ENDPOINT}
    assert agent["lastHeartbeat"] >= beaten.json["lastHeartbeat"]


def test_instances_are_found_by_what_they_have(api: Api):
    api.call("POST", "/api/register", body=INSTANCE)
    second = {**INSTANCE, "instanceId": "digest-instance-2", "agentVersion": "2.0.0", "capacity": 9}
    api.call("POST", "/api/register", body=second)
    assert len(_instances(api)) == 2
    assert [i["instanceId"] for i in _instances(api, minCapacity=5)] == ["digest-instance-2"]
    assert [i["instanceId"] for i in _instances(api, agentVersion="1.0.0")] == ["digest-instance-1"]
    assert _instances(api, agentId=AGENT) == []
    api.call(
        "POST", "/api/heartbeat", body={"instanceId": "digest-instance-1", "status": "unhealthy"}
    )
    assert [i["instanceId"] for i in _instances(api)] == ["digest-instance-2"]
    assert [i["instanceId"] for i in _instances(api, status="unhealthy")] == ["digest-instance-1"]


def test_deregistering_keeps_the_row_and_beats_find_nothing(api: Api):
    api.call("POST", "/api/register", body=INSTANCE)
    gone = api.call("POST", "/api/deregister", body={"instanceId": "digest-instance-1"})
    assert gone.json == {"success": True, "message": "Instance deregistered"}
    assert len(_instances(api, status="inactive")) == 1
    late = api.call("POST", "/api/heartbeat", body={"instanceId": "digest-instance-1"})
    assert late.status == 404


def test_defect_registering_the_same_version_again_is_an_update(api: Api):
    # Given an agent that was registered
    body = {"agentId": "digest", "agentVersion": "1.0.0", "endpoint": ENDPOINT}
    made = api.call("POST", "/api/registry/register", body=body)
    # When a deployment registers it again, with another URL
    other = {**body, "endpoint": {**ENDPOINT, "url": "https://new.example"}, "tags": ["x"]}
    again = api.call("POST", "/api/registry/register", body=other)
    # Then the row is what it says now
    assert [made.json["status"], again.json["status"]] == ["created", "updated"]
    (agent,) = api.call("GET", "/api/registry", query={"agentId": "digest"}).json["agents"]
    assert agent["endpoint"]["url"] == "https://new.example"


def test_defect_filters_filter(api: Api):
    api.call("POST", "/v1/agents/counter/disable")
    disabled = api.call("GET", "/api/registry", query={"enabled": "false"}).json["agents"]
    enabled = api.call("GET", "/api/registry", query={"enabled": "true"}).json["agents"]
    assert [agent["agentId"] for agent in disabled] == ["counter"]
    assert [agent["agentId"] for agent in enabled] == ["http-fetch"]


def test_defect_a_heartbeat_is_written_down(api: Api):
    api.call("POST", "/api/register", body=INSTANCE)
    api.query("UPDATE agent_instance SET last_heartbeat = now() - interval '10 minutes'")
    api.call("POST", "/api/heartbeat", body={"instanceId": "digest-instance-1"})
    (row,) = api.query(
        "SELECT now() - last_heartbeat < interval '1 minute' AS fresh FROM agent_instance"
    )
    assert row["fresh"]


def test_defect_one_agent_has_many_instances(api: Api):
    for number in range(3):
        body = {
            **INSTANCE,
            "instanceId": f"replica-{number}",
            "endpoint": {"url": f"https://r{number}.example"},
        }
        api.call("POST", "/api/register", body=body)
    assert len(_instances(api, agentId="digest")) == 3
    # And the agent's own endpoint is not moved by each of them
    (agent,) = api.call("GET", "/api/registry", query={"agentId": "digest"}).json["agents"]
    assert agent["endpoint"]["url"] == "https://r0.example"


def test_defect_a_deactivated_key_registers_nothing(api: Api):
    key = api.new_key(Role.AGENT)
    api.query("UPDATE api_key SET active = false WHERE key_id = %s", key.split("_")[1])
    assert api.call("POST", "/api/register", body=INSTANCE, key=key).status == 401
    assert api.query("SELECT 1 FROM agent_instance") == []


def test_defect_what_does_not_fit_is_422(api: Api):
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/api/register", {**INSTANCE, "capacity": 0}),
        ("/api/register", {**INSTANCE, "endpoint": {"url": "not a url"}}),
        ("/api/registry/register", {"agentId": "digest", "endpoint": {"url": "ftp://x"}}),
        ("/api/heartbeat", {"instanceId": "x", "status": "ACTIVE"}),
        ("/api/deregister", {}),
    ]
    for path, body in calls:
        assert api.call("POST", path, body=body).status == 422, (path, body)


def test_defect_malformed_json_is_400(api: Api):
    assert api.call("POST", "/api/register", raw=b"{").status == 400
