"""The JSON Schemas of what workers outside take and report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.executions.claiming import LONGEST_LEASE, MOST, SHORTEST_LEASE
from muster.api.shape import (
    AGENT_ID,
    COUNT,
    IDENTIFIER,
    OBJECT,
    STATUS,
    TEXT,
    TIME,
    UUID,
    closed,
    or_null,
    text_up_to,
)

_CLAIM: dict[str, Any] = {
    "agent_id": AGENT_ID,
    "worker": text_up_to(200),
    "count": {"type": "integer", "minimum": 1, "maximum": MOST},
    "lease_seconds": {"type": "integer", "minimum": SHORTEST_LEASE, "maximum": LONGEST_LEASE},
}

_HELD: dict[str, Any] = {
    "execution_id": UUID,
    "job_id": IDENTIFIER,
    "agent_id": TEXT,
    "agent_version": TEXT,
    "attempt": COUNT,
    "max_attempts": COUNT,
    "params": OBJECT,
    "config": OBJECT,
    "state": {"description": "what an earlier attempt saved; any JSON"},
    "priority": TEXT,
    "source": TEXT,
    "traceparent": or_null(TEXT),
    "lease_expires_at": TIME,
    "deadline": TIME,
    "token": TEXT,
}

_METRICS: dict[str, Any] = {
    "type": "object",
    "maxProperties": 50,
    "propertyNames": {"minLength": 1, "maxLength": 100},
    "additionalProperties": {"type": "number"},
}

_ERROR: dict[str, Any] = {
    "message": text_up_to(64 * 1024),
    "code": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,63}$"},
    "class": text_up_to(200),
    "stack": text_up_to(64 * 1024),
    "timestamp": TIME,
    "retryable": {"type": "boolean"},
}

_REPORTS = (
    closed(
        {
            "status": {"const": "running"},
            "progress": OBJECT,
            "state": {"description": "what a later attempt is to go on from; any JSON"},
            "metrics": _METRICS,
        },
        optional=("status", "progress", "state", "metrics"),
    ),
    closed(
        {
            "status": {"const": "completed"},
            "result": {"description": "any JSON"},
            "metrics": _METRICS,
        },
        optional=("result", "metrics"),
    ),
    closed(
        {
            "status": {"const": "failed"},
            "error": closed(_ERROR, optional=("code", "class", "stack", "timestamp", "retryable")),
            "retry_after_seconds": {"type": "number", "minimum": 0, "maximum": 365 * 86400},
            "metrics": _METRICS,
        },
        optional=("retry_after_seconds", "metrics"),
    ),
    closed(
        {"status": {"const": "cancelled"}, "reason": text_up_to(200), "metrics": _METRICS},
        optional=("reason", "metrics"),
    ),
)

EXECUTION_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "Claim": closed(_CLAIM, optional=("worker", "count", "lease_seconds")),
    "Claimed": closed({"executions": {"type": "array", "items": closed(_HELD)}}),
    "Report": {"anyOf": list(_REPORTS)},
    "Reported": closed(
        {
            "execution_id": UUID,
            "status": STATUS,
            "cancel_requested": {"type": "boolean"},
            "lease_expires_at": or_null(TIME),
        }
    ),
}
