"""The JSON Schemas of the forerunners' bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.registry.schemas import (
    CONDITION,
    ENDPOINT,
    HEALTH_CHECK,
    INSTANCE,
    METRICS,
    OF_INSTANCE,
    POSITIVE,
    REPORT,
    TYPE,
    VERSION,
)
from muster.api.shape import (
    AGENT_ID,
    COUNT,
    FLAG,
    INTEGER,
    OBJECT,
    SHARE,
    TEXT,
    TIME,
    WORDS,
    closed,
    listed,
    named,
    or_null,
)
from muster.store.tenant_instances import MOST

_SUCCESS = {"status": {"const": "success"}}
_TOLD = {**_SUCCESS, "message": TEXT, "agent_id": TEXT}

#: Of `/agents/register`, besides id and type; `agents`, `capacity` and the times are ours.
_COORDINATED = {
    name: OF_INSTANCE[name]
    for name in (
        "capabilities", "services", "endpoints", "metadata", "version", "tags", "load_metrics",
        "agents", "capacity", "heartbeat_seconds", "stale_seconds",
    )
}  # fmt: skip

_QUERY = {
    "agent_type": TYPE,
    "status": CONDITION,
    "capabilities": WORDS,
    "services": WORDS,
    "tags": WORDS,
    "min_health_score": SHARE,
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
}

_COORDINATED_VIEW = {
    "agent_id": TEXT,
    "agent_type": TYPE,
    "status": CONDITION,
    "capabilities": WORDS,
    "services": WORDS,
    "endpoints": OBJECT,
    "metadata": OBJECT,
    "last_heartbeat": TIME,
    "registration_time": TIME,
    "load_metrics": OBJECT,
    "health_score": SHARE,
    "version": or_null(TEXT),
    "tags": WORDS,
}

_HUB_INSTANCE = {
    "instanceId": TEXT,
    "agentId": or_null(TEXT),
    "agentVersion": or_null(TEXT),
    "endpoint": OBJECT,
    "status": CONDITION,
    "capacity": COUNT,
    "currentLoad": INTEGER,
    "availableCapacity": COUNT,
    "lastHeartbeat": TIME,
    "metadata": OBJECT,
    "createdAt": TIME,
}

_HUB_AGENT = {
    "agentId": TEXT,
    "agentVersion": TEXT,
    "name": TEXT,
    "description": TEXT,
    "endpoint": OBJECT,
    "inputSchema": or_null(OBJECT),
    "outputSchema": or_null(OBJECT),
    "configSchema": or_null(OBJECT),
    "enabled": FLAG,
    "healthCheck": or_null(OBJECT),
    "metadata": OBJECT,
    "capabilities": WORDS,
    "tags": WORDS,
    "lastHeartbeat": or_null(TIME),
    "createdAt": TIME,
    "updatedAt": TIME,
}

_HUB_OPTIONAL = {
    "agentVersion": VERSION,
    "version": VERSION,
    "name": TEXT,
    "description": TEXT,
    "inputSchema": OBJECT,
    "outputSchema": OBJECT,
    "configSchema": OBJECT,
    "healthCheck": HEALTH_CHECK,
    "metadata": OBJECT,
    "capabilities": WORDS,
    "tags": WORDS,
}

FORERUNNER_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "CoordinatorRegistration": closed(
        {"agent_id": INSTANCE, "agent_type": TYPE, **_COORDINATED}, optional=tuple(_COORDINATED)
    ),
    "CoordinatorRegistered": closed({**_TOLD, "registered_at": TIME}),
    "CoordinatorQuery": closed(_QUERY, optional=tuple(_QUERY)),
    "CoordinatorFound": closed(
        {
            **_SUCCESS,
            "query": OBJECT,
            "agents": listed(named("CoordinatorAgent")),
            "count": COUNT,
            "timestamp": TIME,
        }
    ),
    "CoordinatorAgent": closed(_COORDINATED_VIEW),
    "CoordinatorDetail": closed(
        {**_SUCCESS, "agent": named("CoordinatorAgent"), "timestamp": TIME}
    ),
    "CoordinatorStatus": closed(
        {"status": REPORT, "load_metrics": METRICS}, optional=("load_metrics",)
    ),
    "CoordinatorUpdated": closed({**_TOLD, "new_status": CONDITION, "updated_at": TIME}),
    "CoordinatorBeaten": closed({**_TOLD, "heartbeat_at": TIME}),
    "CoordinatorDeregistered": closed({**_TOLD, "deregistered_at": TIME}),
    "HubRegistration": closed(
        {
            "instanceId": INSTANCE,
            "agentId": AGENT_ID,
            "agentVersion": VERSION,
            "endpoint": ENDPOINT,
            "capacity": POSITIVE,
            "metadata": OBJECT,
        },
        optional=("agentVersion", "capacity", "metadata"),
    ),
    "HubRegistered": closed(
        {"success": FLAG, "instanceId": TEXT, "status": {"enum": ["registered", "updated"]}}
    ),
    "HubAgentRegistration": closed(
        {"agentId": AGENT_ID, "endpoint": ENDPOINT, **_HUB_OPTIONAL}, optional=tuple(_HUB_OPTIONAL)
    ),
    "HubAgentRegistered": closed(
        {
            "success": FLAG,
            "agentId": TEXT,
            "status": {"enum": ["created", "updated"]},
            "message": TEXT,
        }
    ),
    "HubHeartbeat": closed(
        {"instanceId": INSTANCE, "status": REPORT, "currentLoad": INTEGER, "capacity": POSITIVE},
        optional=("status", "currentLoad", "capacity"),
    ),
    "HubBeaten": closed({"success": FLAG, "lastHeartbeat": TIME}),
    "HubDeregistration": closed({"instanceId": INSTANCE}),
    "HubDeregistered": closed({"success": FLAG, "message": TEXT}),
    "HubInstances": closed({"instances": listed(closed(_HUB_INSTANCE)), "total": COUNT}),
    "HubRegistry": closed({"agents": listed(closed(_HUB_AGENT)), "total": COUNT}),
}
