"""`/v1/agents`: what is registered over HTTP, by whom, and what nobody can take over."""

from __future__ import annotations

from typing import Any

from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api

ENDPOINT = {"url": "https://agent.example/execute"}


def _body(**changes: Any) -> dict[str, Any]:
    return {"agent_id": "digest", "agent_version": "1.0.0", "endpoint": ENDPOINT, **changes}


def test_an_agent_registers_itself_and_is_found(api: Api):
    # Given an agent's own key
    key = api.new_key(Role.AGENT)
    # When it registers twice, with the same words
    made = api.call("POST", "/v1/agents", body=_body(tags=["news"]), key=key)
    again = api.call("POST", "/v1/agents", body=_body(tags=["news"]), key=key)
    # Then it is new once, and nothing changed the second time
    assert (made.status, again.status) == (201, 200)
    assert made.json == again.json
    # And it is found by everything that it said
    for query in ({"agent_id": "digest"}, {"tag": "news"}, {"enabled": "true"}):
        assert made.json in api.call("GET", "/v1/agents", query=query).json["agents"]
    assert api.call("GET", "/v1/agents/digest").json == made.json


def test_a_worker_registers_its_agent_without_an_endpoint_and_takes_its_jobs(api: Api):
    # Given a worker's key, and nothing deployed
    key = api.new_key(Role.AGENT)
    # When it registers its agent, which nobody can call, and itself
    body = {"agent_id": "translator", "concurrency": 1}
    made = api.call("POST", "/v1/agents", body=body, key=key)
    assert (made.status, made.json["compute"], made.json["endpoint"]) == (201, "http", {})
    assert api.call("POST", "/v1/agents", body=body, key=key).status == 200
    instance = {"instance_id": "laptop-7", "agents": ["translator"]}
    assert api.call("POST", "/v1/instances", body=instance, key=key).status == 201
    # Then a job of the agent is given to it
    job = {"agent_id": "translator", "job_id": "a", "params": {}}
    assert api.call("POST", "/v1/jobs", body=job, key=key).status == 202
    ask = {"agent_id": "translator"}
    taken = api.call("POST", "/v1/executions/claim", body=ask, key=key)
    assert [held["job_id"] for held in taken.json["executions"]] == ["a"]


def test_a_new_version_supersedes_the_old_one_and_keeps_the_operators_switch(api: Api):
    # Given an agent that an operator has switched off
    api.call("POST", "/v1/agents", body=_body())
    assert api.call("POST", "/v1/agents/digest/disable").json["enabled"] is False
    # When its next version registers
    made = api.call("POST", "/v1/agents", body=_body(agent_version="2.0.0"))
    # Then it is the active one, and still off
    assert (made.status, made.json["agent_version"], made.json["enabled"]) == (201, "2.0.0", False)
    rows = api.query("SELECT agent_version, active FROM agent_registry WHERE agent_id = 'digest'")
    assert {row["agent_version"]: row["active"] for row in rows} == {
        "1.0.0": False,
        "2.0.0": True,
    }
    assert api.call("POST", "/v1/agents/digest/enable").json["enabled"] is True


def test_what_a_stack_deploys_is_not_taken_over(api: Api):
    # Given an agent that a stack owns
    api.query("UPDATE agent_registry SET owner = 'muster-dev-agents-0' WHERE agent_id = %s", AGENT)
    before = api.query("SELECT * FROM agent_registry")
    # When an agent's key registers another endpoint for it, or an operator retires it
    taken = api.call("POST", "/v1/agents", body=_body(agent_id=AGENT))
    retired = api.call("DELETE", f"/v1/agents/{AGENT}")
    # Then both are refused and nothing changed
    assert (taken.status, taken.json["code"]) == (409, "agent_deployed")
    assert retired.status == 409
    assert api.query("SELECT * FROM agent_registry") == before


def test_everybodys_agent_is_seen_by_all_tenants_and_switched_by_none_but_its_own(api: Api):
    other = api.new_key(Role.ADMIN, tenant="other")
    assert api.call("GET", f"/v1/agents/{AGENT}", key=other).status == 200
    assert api.call("POST", f"/v1/agents/{AGENT}/disable", key=other).status == 403
    assert api.call("GET", f"/v1/agents/{AGENT}").json["enabled"] is True


def test_a_retired_agent_is_gone_and_its_row_stays(api: Api):
    api.call("POST", "/v1/agents", body=_body())
    assert api.call("DELETE", "/v1/agents/digest").status == 200
    assert api.call("GET", "/v1/agents/digest").status == 404
    (row,) = api.query("SELECT active, retired_at FROM agent_registry WHERE agent_id = 'digest'")
    assert row["active"] is False
    assert row["retired_at"]


def test_a_page_ends_where_the_next_one_begins(api: Api):
    seen: list[str] = []
    cursor: str | None = None
    for number in range(5):
        api.call("POST", "/v1/agents", body=_body(agent_id=f"page-{number}"))
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = api.call("GET", "/v1/agents", query=query).json
        seen += [agent["agent_id"] for agent in page["agents"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted({"counter", "http-fetch", *(f"page-{n}" for n in range(5))})


def test_what_cannot_be_is_refused_and_not_quoted(api: Api):
    changes: list[dict[str, Any]] = [
        {"endpoint": {"url": "file:///etc/passwd"}},
        {"endpoint": {"url": "https://a.example", "type": "sqs"}},
        {"endpoint": {**ENDPOINT, "authentication": {"type": "bearer", "token": "canary"}}},
        {"agent_id": "Not An Id"},
        {"input_schema": {"type": "nothing that there is"}},
        {"retries": -1},
        {"health_check": {"interval": 30}},
    ]
    for change in changes:
        reply = api.call("POST", "/v1/agents", body=_body(**change))
        assert reply.status == 422, change
        assert "canary" not in reply.text
    assert not api.query("SELECT 1 FROM agent_registry WHERE agent_id = 'digest'")


def test_what_an_endpoints_token_is_never_comes_back(api: Api):
    # Given an agent whose endpoint's token is in a secret
    authentication = {"type": "bearer", "secret": "agents/digest-token"}
    api.call(
        "POST", "/v1/agents", body=_body(endpoint={**ENDPOINT, "authentication": authentication})
    )
    # When anybody reads it, then not even the secret's name is told
    for path in ("/v1/agents/digest", "/v1/agents", "/api/registry"):
        assert "digest-token" not in api.call("GET", path).text
