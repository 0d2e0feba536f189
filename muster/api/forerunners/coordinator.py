"""`/agents`: the agent coordinator's paths. What it calls an agent is an instance here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.registry import instances
from muster.store.tenant_instances import MOST, Beat, Search

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject

_AGENT_ID = re.compile("[a-z][a-z0-9-]{1,62}")

#: Under which name of `endpoints` an instance is reached, the first one that there is.
_REACHED = ("execute", "http", "https", "api")


def register(call: Call, services: Services) -> Answer:
    """Register an instance. Each of its services that is an agent's id is an agent that it serves."""
    body = call.body
    instance_id = body["agent_id"]
    endpoints = body.get("endpoints", {})
    said = {k: v for k, v in body.items() if k != "agent_id"}
    said["agents"] = [
        *body.get("agents", ()),
        *filter(_AGENT_ID.fullmatch, body.get("services", ())),
    ]
    said["url"] = next((endpoints[name] for name in _REACHED if name in endpoints), None)
    made = instances.registered(call, services, instance_id, said)
    now = instances.the_instance(call, services, instance_id)
    return Answer(
        value={
            "status": "success",
            "message": f"Agent {'registered' if made else 'updated'}",
            "agent_id": instance_id,
            "registered_at": now["started_at"] if made else now["last_heartbeat"],
        }
    )


def discover(call: Call, services: Services) -> Answer:
    """Instances that have all that is asked for, the healthiest first."""
    wanted = call.body
    found = services.instances(call.tenant).discover(
        Search(
            agent_type=wanted.get("agent_type"),
            condition=wanted.get("status"),
            capabilities=wanted.get("capabilities", ()),
            services=wanted.get("services", ()),
            tags=wanted.get("tags", ()),
            min_health=wanted.get("min_health_score", 0.0),
            limit=wanted.get("limit", MOST),
        )
    )
    return Answer(
        value={
            "status": "success",
            "query": dict(wanted),
            "agents": [shown(instance) for instance in found],
            "count": len(found),
            "timestamp": timestamp(services),
        }
    )


def detail(call: Call, services: Services) -> Answer:
    """One instance as it is now."""
    found = instances.the_instance(call, services, call.path_values["id"])
    return Answer(
        value={"status": "success", "agent": shown(found), "timestamp": timestamp(services)}
    )


def report(call: Call, services: Services) -> Answer:
    """Note a status; `new_status` is what holds, which may be an operator's order."""
    now = instances.reported(call, services)
    return Answer(
        value={
            "status": "success",
            "message": "Agent status updated",
            "agent_id": now["instance_id"],
            "new_status": now["condition"],
            "updated_at": timestamp(services),
        }
    )


def heartbeat(call: Call, services: Services) -> Answer:
    """The instance is alive, whatever an operator has ordered."""
    instance_id = call.path_values["id"]
    at = instances.beaten(call, services, instance_id, Beat())
    return Answer(
        value={
            "status": "success",
            "message": "Heartbeat received",
            "agent_id": instance_id,
            "heartbeat_at": at,
        }
    )


def deregister(call: Call, services: Services) -> Answer:
    """The instance ends; what is known of it stays."""
    ended = instances.deregistered(call, services, call.path_values["id"])
    return Answer(
        value={
            "status": "success",
            "message": "Agent deregistered",
            "agent_id": ended["instance_id"],
            "deregistered_at": ended["stopped_at"],
        }
    )


def shown(instance: JsonObject) -> dict[str, Any]:
    """The instance in the coordinator's words."""
    return {
        "agent_id": instance["instance_id"],
        "agent_type": instance["agent_type"],
        "status": instance["condition"],
        "capabilities": instance["capabilities"],
        "services": instance["services"],
        "endpoints": instance["endpoints"],
        "metadata": instance["metadata"],
        "last_heartbeat": instance["last_heartbeat"],
        "registration_time": instance["started_at"],
        "load_metrics": instance["load_metrics"],
        "health_score": instance["health_score"],
        "version": instance["version"],
        "tags": instance["tags"],
    }


def timestamp(services: Services) -> str:
    """Now, as these answers have it."""
    return services.clock.now().isoformat()
