"""The tables of the forerunners' routes."""

from __future__ import annotations

from muster.api.forerunners import coordinator, hub
from muster.api.registry.schemas import CONDITION, VERSION
from muster.api.route import Route
from muster.api.shape import AGENT_ID
from muster.keys.access import Scope

_TAKES_A_BODY = (400, 413, 415, 422)

COORDINATOR = (
    Route(
        method="POST",
        path="/agents/register",
        name="coordinatorRegister",
        summary="Register what this system calls an instance, or say anew what it is.",
        scope=Scope.REGISTRY_WRITE,
        act=coordinator.register,
        body="CoordinatorRegistration",
        answers={200: "CoordinatorRegistered"},
        problems=(*_TAKES_A_BODY, 404, 409),
    ),
    Route(
        method="POST",
        path="/agents/discover",
        name="coordinatorDiscover",
        summary="Instances that have all that is asked for, the healthiest first.",
        scope=Scope.REGISTRY_READ,
        act=coordinator.discover,
        body="CoordinatorQuery",
        answers={200: "CoordinatorFound"},
        problems=_TAKES_A_BODY,
    ),
    Route(
        method="GET",
        path="/agents/{id}",
        name="coordinatorAgent",
        summary="One instance as it is now.",
        scope=Scope.REGISTRY_READ,
        act=coordinator.detail,
        answers={200: "CoordinatorDetail"},
        problems=(404, 422),
    ),
    Route(
        method="PUT",
        path="/agents/{id}/status",
        name="coordinatorStatus",
        summary="What the instance is: its own word from an agent's key, an order from an operator's.",
        scope=Scope.REGISTRY_WRITE,
        act=coordinator.report,
        body="CoordinatorStatus",
        answers={200: "CoordinatorUpdated"},
        problems=(*_TAKES_A_BODY, 404),
    ),
    Route(
        method="POST",
        path="/agents/{id}/heartbeat",
        name="coordinatorHeartbeat",
        summary="The instance is alive. An operator's order about it stays.",
        scope=Scope.REGISTRY_WRITE,
        act=coordinator.heartbeat,
        answers={200: "CoordinatorBeaten"},
        problems=(404, 422),
    ),
    Route(
        method="DELETE",
        path="/agents/{id}",
        name="coordinatorDeregister",
        summary="The instance ends; what is known of it stays.",
        scope=Scope.REGISTRY_WRITE,
        act=coordinator.deregister,
        answers={200: "CoordinatorDeregistered"},
        problems=(404, 422),
    ),
)

HUB = (
    Route(
        method="POST",
        path="/api/register",
        name="hubRegister",
        summary="Register an instance, and its agent where nobody knows it yet.",
        scope=Scope.REGISTRY_WRITE,
        act=hub.register,
        body="HubRegistration",
        answers={200: "HubRegistered"},
        problems=(*_TAKES_A_BODY, 409),
    ),
    Route(
        method="POST",
        path="/api/registry/register",
        name="hubRegisterAgent",
        summary="Register an agent, or another version of it.",
        scope=Scope.REGISTRY_WRITE,
        act=hub.register_agent,
        body="HubAgentRegistration",
        answers={200: "HubAgentRegistered"},
        problems=(*_TAKES_A_BODY, 409),
    ),
    Route(
        method="POST",
        path="/api/heartbeat",
        name="hubHeartbeat",
        summary="The instance is alive, and says how it is.",
        scope=Scope.REGISTRY_WRITE,
        act=hub.heartbeat,
        body="HubHeartbeat",
        answers={200: "HubBeaten"},
        problems=(*_TAKES_A_BODY, 404),
    ),
    Route(
        method="POST",
        path="/api/deregister",
        name="hubDeregister",
        summary="The instance ends; what is known of it stays.",
        scope=Scope.REGISTRY_WRITE,
        act=hub.deregister,
        body="HubDeregistration",
        answers={200: "HubDeregistered"},
        problems=(*_TAKES_A_BODY, 404),
    ),
    Route(
        method="GET",
        path="/api/instances",
        name="hubInstances",
        summary="Instances, active ones unless another status is asked for.",
        scope=Scope.REGISTRY_READ,
        act=hub.listing,
        query={
            "agentId": AGENT_ID,
            "agentVersion": VERSION,
            "status": CONDITION,
            "minCapacity": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        },
        answers={200: "HubInstances"},
        problems=(422,),
    ),
    Route(
        method="GET",
        path="/api/registry",
        name="hubRegistry",
        summary="Agents by their id.",
        scope=Scope.REGISTRY_READ,
        act=hub.registry,
        query={"agentId": AGENT_ID, "enabled": {"type": "string", "enum": ["true", "false"]}},
        answers={200: "HubRegistry"},
        problems=(422,),
    ),
)
