"""The JSON Schemas of agents and instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.shape import (
    AGENT_ID,
    COUNT,
    FLAG,
    IDENTIFIER,
    INTEGER,
    OBJECT,
    SHARE,
    TEXT,
    TIME,
    URL,
    WORDS,
    closed,
    listed,
    named,
    or_null,
    word,
)
from muster.fleet import AGENT_TYPES, CONDITIONS, REPORTS

INSTANCE = {"type": "string", "minLength": 1, "maxLength": 200}
VERSION = {"type": "string", "minLength": 1, "maxLength": 100}
TYPE = word(*AGENT_TYPES)
REPORT = word(*REPORTS)
CONDITION = word(*CONDITIONS)
POSITIVE = {"type": "integer", "minimum": 1, "maximum": 1_000_000}

#: Where an agent or an instance answers. A token has no place here: name the secret that holds it.
ENDPOINT = closed(
    {
        "url": URL,
        "type": word("http", "webhook", "n8n", "cloud-function"),
        "method": word("POST", "PUT"),
        "authentication": closed(
            {"type": word("bearer", "api-key", "oauth"), "secret": TEXT}, optional=("secret",)
        ),
        "timeout": {"type": "number", "exclusiveMinimum": 0},
        "retryConfig": OBJECT,
    },
    optional=("type", "method", "authentication", "timeout", "retryConfig"),
)

HEALTH_CHECK = closed({"endpoint": TEXT, "interval": POSITIVE}, optional=("interval",))

#: Numbers by name. `cpu` and `memory` are shares, `active_connections` and `pending_tasks` counts.
METRICS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "cpu": SHARE,
        "memory": SHARE,
        "active_connections": {"type": "number", "minimum": 0},
        "pending_tasks": {"type": "number", "minimum": 0},
    },
    "additionalProperties": {"type": "number"},
    "maxProperties": 50,
}

_OPTIONAL_OF_AGENT: Mapping[str, Any] = {
    #: Left out by an agent whose workers ask for their jobs.
    "endpoint": ENDPOINT,
    "agent_version": VERSION,
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": TEXT,
    "input_schema": OBJECT,
    "output_schema": OBJECT,
    "config_schema": OBJECT,
    "default_config": OBJECT,
    "health_check": HEALTH_CHECK,
    "metadata": OBJECT,
    "capabilities": WORDS,
    "tags": WORDS,
    "retries": {"type": "integer", "minimum": 0, "maximum": 100},
    "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 41_400},
    "concurrency": POSITIVE,
}

#: What an instance says with its registration, beside its id.
OF_INSTANCE: Mapping[str, Any] = {
    "agents": {"type": "array", "items": AGENT_ID, "maxItems": 100},
    "agent_type": TYPE,
    "status": REPORT,
    "hostname": TEXT,
    "pid": INTEGER,
    "version": VERSION,
    "url": URL,
    "endpoint": ENDPOINT,
    "endpoints": {"type": "object", "additionalProperties": URL, "maxProperties": 50},
    "capabilities": WORDS,
    "services": WORDS,
    "tags": WORDS,
    "metadata": OBJECT,
    "capacity": POSITIVE,
    "running_jobs": INTEGER,
    "load_metrics": METRICS,
    "heartbeat_seconds": {"type": "integer", "minimum": 1, "maximum": 86_400},
    "stale_seconds": {"type": "integer", "minimum": 3, "maximum": 604_800},
}

_AGENT_VIEW = {
    "agent_id": TEXT,
    "agent_version": TEXT,
    "tenant": TEXT,
    "name": TEXT,
    "description": TEXT,
    "compute": TEXT,
    "endpoint": OBJECT,
    "enabled": FLAG,
    "input_schema": or_null(OBJECT),
    "output_schema": or_null(OBJECT),
    "config_schema": or_null(OBJECT),
    "default_config": OBJECT,
    "health_check": or_null(OBJECT),
    "metadata": OBJECT,
    "capabilities": WORDS,
    "tags": WORDS,
    "retries": COUNT,
    "timeout_seconds": COUNT,
    "concurrency": COUNT,
    "managed_by": word("hand", "stack"),
    "instances": COUNT,
    "last_heartbeat": or_null(TIME),
    "endpoint_health": or_null(named("EndpointHealth")),
    "created_at": TIME,
    "updated_at": TIME,
}

_INSTANCE_VIEW = {
    "instance_id": TEXT,
    "kind": word("listener", "http"),
    "agents": listed(TEXT),
    "agent_type": TYPE,
    "status": CONDITION,
    "ordered": or_null(TEXT),
    "health_score": SHARE,
    "load": {"type": "number", "minimum": 0},
    "hostname": or_null(TEXT),
    "pid": or_null(COUNT),
    "version": or_null(TEXT),
    "url": or_null(TEXT),
    "endpoint": OBJECT,
    "endpoints": OBJECT,
    "capabilities": WORDS,
    "services": WORDS,
    "tags": WORDS,
    "metadata": OBJECT,
    "capacity": COUNT,
    "running_jobs": INTEGER,
    "load_metrics": OBJECT,
    "heartbeat_seconds": COUNT,
    "stale_seconds": COUNT,
    "started_at": TIME,
    "last_heartbeat": TIME,
    "stopped_at": or_null(TIME),
}

REGISTRY_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "AgentRegistration": closed(
        {"agent_id": AGENT_ID, **_OPTIONAL_OF_AGENT},
        optional=tuple(_OPTIONAL_OF_AGENT),
    ),
    "Agent": closed(_AGENT_VIEW),
    "EndpointHealth": closed(
        {"healthy": or_null(FLAG), "reason": or_null(TEXT), "checked_at": TIME}
    ),
    "AgentPage": closed({"agents": listed(named("Agent")), "next_cursor": or_null(TEXT)}),
    "InstanceRegistration": closed(
        {"instance_id": INSTANCE, **OF_INSTANCE}, optional=tuple(OF_INSTANCE)
    ),
    "Instance": closed(_INSTANCE_VIEW),
    "Instances": closed({"instances": listed(named("Instance"))}),
    "Heartbeat": closed(
        {"status": REPORT, "running_jobs": INTEGER, "capacity": POSITIVE, "load_metrics": METRICS},
        optional=("status", "running_jobs", "capacity", "load_metrics"),
    ),
    "Beaten": closed({"instance_id": IDENTIFIER, "last_heartbeat": TIME}),
    "StatusReport": closed({"status": REPORT, "load_metrics": METRICS}, optional=("load_metrics",)),
}
