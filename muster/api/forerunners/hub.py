"""`/api`: the paths of the hub where agents register themselves, in its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.registry import instances
from muster.api.registry.agents import flag, registered
from muster.registration.announced import announced
from muster.store.tenant_agents import AgentSearch, Standing
from muster.store.tenant_instances import Beat, Search

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject

#: Agents of one answer.
_MOST = 500


def register(call: Call, services: Services) -> Answer:
    """Register an instance, and its agent where nobody knows it yet: one call is enough for a service."""
    body = call.body
    agent_id, version = body["agentId"], body.get("agentVersion")
    if services.agents(call.tenant).find(agent_id) is None:
        registered(call, services, announced(agent_id, version, body["endpoint"]))
    made = instances.registered(
        call,
        services,
        body["instanceId"],
        {
            "agents": [agent_id],
            "version": version,
            "endpoint": body["endpoint"],
            **{name: body[name] for name in ("capacity", "metadata") if name in body},
        },
    )
    return Answer(
        value={
            "success": True,
            "instanceId": body["instanceId"],
            "status": "registered" if made else "updated",
        }
    )


def register_agent(call: Call, services: Services) -> Answer:
    """Register an agent, or another version of it."""
    body = call.body
    standing = registered(
        call,
        services,
        announced(
            body["agentId"],
            body.get("agentVersion", body.get("version")),
            body["endpoint"],
            name=body.get("name"),
            description=body.get("description"),
            input_schema=body.get("inputSchema"),
            output_schema=body.get("outputSchema"),
            config_schema=body.get("configSchema"),
            health_check=body.get("healthCheck"),
            metadata=body.get("metadata"),
            capabilities=body.get("capabilities"),
            tags=body.get("tags"),
        ),
    )
    created = standing is Standing.CREATED
    return Answer(
        value={
            "success": True,
            "agentId": body["agentId"],
            "status": "created" if created else "updated",
            "message": "Agent registered successfully",
        }
    )


def heartbeat(call: Call, services: Services) -> Answer:
    """The instance is alive, and says how it is; an operator's order stays."""
    body = call.body
    at = instances.beaten(
        call,
        services,
        body["instanceId"],
        Beat(
            reported=body.get("status"),
            running_jobs=body.get("currentLoad"),
            capacity=body.get("capacity"),
        ),
    )
    return Answer(value={"success": True, "lastHeartbeat": at})


def deregister(call: Call, services: Services) -> Answer:
    """The instance ends; what is known of it stays."""
    instances.deregistered(call, services, call.body["instanceId"])
    return Answer(value={"success": True, "message": "Instance deregistered"})


def listing(call: Call, services: Services) -> Answer:
    """Instances, active ones unless another status is asked for."""
    query = call.query
    found = services.instances(call.tenant).discover(
        Search(
            agent_id=query.get("agentId"),
            version=query.get("agentVersion"),
            condition=query.get("status", "active"),
            min_capacity=query.get("minCapacity", 0),
        )
    )
    shown = [_instance(instance) for instance in found]
    return Answer(value={"instances": shown, "total": len(shown)})


def registry(call: Call, services: Services) -> Answer:
    """Agents by their id."""
    found = services.agents(call.tenant).page(
        AgentSearch(
            agent_id=call.query.get("agentId"),
            enabled=flag(call.query.get("enabled")),
            limit=_MOST,
        )
    )
    shown = [_agent(agent) for agent in found]
    return Answer(value={"agents": shown, "total": len(shown)})


def _instance(instance: JsonObject) -> dict[str, Any]:
    return {
        "instanceId": instance["instance_id"],
        "agentId": next(iter(instance["agents"]), None),
        "agentVersion": instance["version"],
        "endpoint": instance["endpoint"],
        "status": instance["condition"],
        "capacity": instance["capacity"],
        "currentLoad": instance["running_jobs"],
        "availableCapacity": max(0, instance["capacity"] - instance["running_jobs"]),
        "lastHeartbeat": instance["last_heartbeat"],
        "metadata": instance["metadata"],
        "createdAt": instance["started_at"],
    }


def _agent(agent: JsonObject) -> dict[str, Any]:
    return {
        "agentId": agent["agent_id"],
        "agentVersion": agent["agent_version"],
        "name": agent["name"],
        "description": agent["description"],
        "endpoint": agent["endpoint"],
        "inputSchema": agent["input_schema"],
        "outputSchema": agent["output_schema"],
        "configSchema": agent["config_schema"],
        "enabled": agent["enabled"],
        "healthCheck": agent["health_check"],
        "metadata": agent["metadata"],
        "capabilities": agent["capabilities"],
        "tags": agent["tags"],
        "lastHeartbeat": agent["last_heartbeat"],
        "createdAt": agent["created_at"],
        "updatedAt": agent["updated_at"],
    }
