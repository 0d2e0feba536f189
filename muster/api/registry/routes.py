"""The table of the routes of agents and instances."""

from __future__ import annotations

from muster.api.registry import agents, instances
from muster.api.registry.schemas import CONDITION, TYPE
from muster.api.route import Route
from muster.api.shape import AGENT_ID
from muster.keys.access import Scope
from muster.store.tenant_instances import MOST

_WORD = {"type": "string", "minLength": 1, "maxLength": 200}
_WORDS = {
    "type": "string",
    "maxLength": 2000,
    "description": "words with commas between; all must be there",
}
_SCORE = {
    "type": "string",
    "pattern": "^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$",
    "description": "0 to 1",
}
_FLAG = {"type": "string", "enum": ["true", "false"]}

AGENTS = (
    Route(
        method="GET",
        path="/v1/agents",
        name="listAgents",
        summary="Active agents by their id, page by page.",
        scope=Scope.REGISTRY_READ,
        act=agents.listing,
        query={
            "agent_id": AGENT_ID,
            "enabled": _FLAG,
            "capability": _WORD,
            "tag": _WORD,
            "healthy": _FLAG,
            "limit": {"type": "integer", "minimum": 1, "maximum": agents.MOST},
            "cursor": AGENT_ID,
        },
        answers={200: "AgentPage"},
        problems=(422,),
    ),
    Route(
        method="POST",
        path="/v1/agents",
        name="registerAgent",
        summary="Register an agent that runs elsewhere, or another version of it; again changes nothing.",
        scope=Scope.REGISTRY_WRITE,
        act=agents.register,
        body="AgentRegistration",
        answers={201: "Agent", 200: "Agent"},
        problems=(400, 404, 409, 413, 415, 422),
    ),
    Route(
        method="GET",
        path="/v1/agents/{id}",
        name="getAgent",
        summary="The active version of an agent.",
        scope=Scope.REGISTRY_READ,
        act=agents.detail,
        answers={200: "Agent"},
        problems=(404, 422),
    ),
    Route(
        method="DELETE",
        path="/v1/agents/{id}",
        name="retireAgent",
        summary="Take an agent that no stack deploys out of the registry; its history stays.",
        scope=Scope.REGISTRY_MANAGE,
        act=agents.retire,
        answers={200: "Agent"},
        problems=(404, 409, 422),
    ),
    Route(
        method="POST",
        path="/v1/agents/{id}/enable",
        name="enableAgent",
        summary="Have an agent's jobs run again.",
        scope=Scope.REGISTRY_MANAGE,
        act=agents.enable,
        answers={200: "Agent"},
        problems=(404, 422),
    ),
    Route(
        method="POST",
        path="/v1/agents/{id}/disable",
        name="disableAgent",
        summary="Have an agent's jobs recorded as cancelled instead of run.",
        scope=Scope.REGISTRY_MANAGE,
        act=agents.disable,
        answers={200: "Agent"},
        problems=(404, 422),
    ),
)

INSTANCES = (
    Route(
        method="GET",
        path="/v1/instances",
        name="discoverInstances",
        summary="Instances that fit, the healthiest first. Health is computed now.",
        scope=Scope.REGISTRY_READ,
        act=instances.discover,
        query={
            "agent_id": AGENT_ID,
            "agent_type": TYPE,
            "status": CONDITION,
            "capabilities": _WORDS,
            "services": _WORDS,
            "tags": _WORDS,
            "min_health_score": _SCORE,
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
        },
        answers={200: "Instances"},
        problems=(422,),
    ),
    Route(
        method="POST",
        path="/v1/instances",
        name="registerInstance",
        summary="Register a running process, or say anew what it is.",
        scope=Scope.REGISTRY_WRITE,
        act=instances.register,
        body="InstanceRegistration",
        answers={201: "Instance", 200: "Instance"},
        problems=(400, 404, 409, 413, 415, 422),
    ),
    Route(
        method="GET",
        path="/v1/instances/{id}",
        name="getInstance",
        summary="One instance as it is now.",
        scope=Scope.REGISTRY_READ,
        act=instances.detail,
        answers={200: "Instance"},
        problems=(404, 422),
    ),
    Route(
        method="POST",
        path="/v1/instances/{id}/heartbeat",
        name="beatInstance",
        summary="The instance is alive. An operator's order about it stays.",
        scope=Scope.REGISTRY_WRITE,
        act=instances.heartbeat,
        body="Heartbeat",
        answers={200: "Beaten"},
        problems=(400, 404, 413, 415, 422),
    ),
    Route(
        method="PUT",
        path="/v1/instances/{id}/status",
        name="reportInstance",
        summary="What the instance is: its own word from an agent's key, an order from an operator's.",
        scope=Scope.REGISTRY_WRITE,
        act=instances.report,
        body="StatusReport",
        answers={200: "Instance"},
        problems=(400, 404, 413, 415, 422),
    ),
    Route(
        method="DELETE",
        path="/v1/instances/{id}",
        name="deregisterInstance",
        summary="The instance ends; what is known of it stays.",
        scope=Scope.REGISTRY_WRITE,
        act=instances.deregister,
        answers={200: "Instance"},
        problems=(404, 422),
    ),
)
