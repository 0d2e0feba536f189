"""`/v1/agents`: what is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.problem import Problem, conflict, invalid, not_found
from muster.registration.announced import announced
from muster.store.tenant_agents import AgentSearch, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject

#: Agents of a page unless the caller says otherwise, and at most.
PAGE = 100
MOST = 500

_REFUSALS: Mapping[Standing, Problem] = {
    Standing.TAKEN: conflict("agent_taken", "another tenant has an agent of that id; take another"),
    Standing.DEPLOYED: conflict(
        "agent_deployed", "a stack deploys that agent: change its manifest, and deploy"
    ),
}


def listing(call: Call, services: Services) -> Answer:
    """A page of agents by their id, and the cursor of the next one."""
    limit = call.query.get("limit", PAGE)
    found = services.agents(call.tenant).page(
        AgentSearch(
            agent_id=call.query.get("agent_id"),
            enabled=flag(call.query.get("enabled")),
            capability=call.query.get("capability"),
            tag=call.query.get("tag"),
            healthy=flag(call.query.get("healthy")),
            after=call.query.get("cursor"),
            limit=limit + 1,
        )
    )
    page = found[:limit]
    more = page[-1]["agent_id"] if len(found) > limit else None
    return Answer(value={"agents": page, "next_cursor": more})


def detail(call: Call, services: Services) -> Answer:
    """The active version of one agent."""
    return Answer(value=the_agent(call, services))


def register(call: Call, services: Services) -> Answer:
    """Make a version of an agent that runs elsewhere the active one: 201; what is known already: 200."""
    body = call.body
    standing = registered(call, services, announcement(body))
    found = services.agents(call.tenant).find(body["agent_id"])
    if found is None:
        raise not_found("the agent was retired at the same moment; register it again")
    status = 201 if standing is Standing.CREATED else 200
    return Answer(status=status, value=found)


def registered(call: Call, services: Services, row: JsonObject) -> Standing:
    """Register the row for the caller's tenant.

    Raises:
        Problem: a stack or another tenant has an agent of that id (409); a schema is none (422).
    """
    for name in ("input_schema", "output_schema", "config_schema"):
        if row.get(name) is not None and not _is_schema(row[name]):
            raise invalid(f"{name} is no JSON Schema")
    standing = services.agents(call.tenant).register(row)
    if standing in _REFUSALS:
        raise _REFUSALS[standing]
    return standing


def announcement(body: Mapping[str, Any]) -> dict[str, Any]:
    """The registry's row that a body of `/v1/agents` means."""
    said = {k: v for k, v in body.items() if k not in ("agent_id", "agent_version", "endpoint")}
    return announced(body["agent_id"], body.get("agent_version"), body.get("endpoint"), **said)


def enable(call: Call, services: Services) -> Answer:
    """Have an agent's jobs run again."""
    return _switched(call, services, enabled=True)


def disable(call: Call, services: Services) -> Answer:
    """Have an agent's jobs recorded as cancelled instead of run."""
    return _switched(call, services, enabled=False)


def retire(call: Call, services: Services) -> Answer:
    """Take an agent that was registered by hand out of the registry; its history stays."""
    before = the_agent(call, services)
    if not services.agents(call.tenant).retire(before["agent_id"]):
        raise conflict(
            "agent_deployed", "only its own stack, or its own tenant, retires that agent"
        )
    return Answer(value=before)


def the_agent(call: Call, services: Services) -> JsonObject:
    """The agent that the path names.

    Raises:
        Problem: there is none (404).
    """
    found = services.agents(call.tenant).find(call.path_values["id"])
    if found is None:
        raise not_found("there is no such agent; GET /v1/agents lists them")
    return found


def flag(text: str | None) -> bool | None:
    """A query's true or false."""
    return None if text is None else text == "true"


def _switched(call: Call, services: Services, *, enabled: bool) -> Answer:
    before = the_agent(call, services)
    if not services.agents(call.tenant).switch(before["agent_id"], enabled=enabled):
        raise Problem(403, "forbidden", "that agent is everybody's; only the tenant `default` may")
    return Answer(value=the_agent(call, services))


def _is_schema(schema: Mapping[str, Any]) -> bool:
    import jsonschema_rs

    return jsonschema_rs.meta.is_valid(dict(schema))
