"""The JSON Schemas of bodies and answers, by name: what is checked is what is documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.lane import LANES
from muster.message.envelope import MAX_ID_LENGTH
from muster.model import Source, Status

_TEXT = {"type": "string"}
_IDENTIFIER = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}
_COUNT = {"type": "integer", "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_OBJECT = {"type": "object"}
_STATUS = {"enum": [str(status) for status in Status]}
PRIORITY = {"type": "string", "enum": list(LANES)}
AGENT_ID = {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"}
STATUS = {"type": "string", **_STATUS}
SOURCE = {"type": "string", "enum": [str(source) for source in Source]}
IDENTIFIER = _IDENTIFIER


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _closed(properties: Mapping[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
    }


_NAMES: dict[str, Any] = {
    "execution_id": {"type": "string", "format": "uuid"},
    "job_id": _IDENTIFIER,
    "agent_id": _TEXT,
}

_SUMMARY: dict[str, Any] = {
    **_NAMES,
    "agent_version": _TEXT,
    "status": STATUS,
    "priority": _TEXT,
    "source": _TEXT,
    "attempts": _COUNT,
    "max_attempts": _COUNT,
    "reason": _or_null(_TEXT),
    "error_code": _or_null(_TEXT),
    "created_at": _TIME,
    "started_at": _or_null(_TIME),
    "completed_at": _or_null(_TIME),
}

_EVENT = {
    "at": _TIME,
    "kind": _TEXT,
    "from_status": _or_null(_TEXT),
    "to_status": _or_null(_TEXT),
    "attempt": _or_null(_COUNT),
    "reason": _or_null(_TEXT),
}

_DETAIL: dict[str, Any] = {
    **_SUMMARY,
    "params": _OBJECT,
    "config": _or_null(_OBJECT),
    "config_version": _or_null(_COUNT),
    "result": {"description": "what the agent returned; any JSON"},
    "result_ref": _or_null(_TEXT),
    "error": _or_null(_OBJECT),
    "metrics": _or_null(_OBJECT),
    "code_version": _or_null(_TEXT),
    "traceparent": _or_null(_TEXT),
    "redrives": _COUNT,
    "scheduled_for": _or_null(_TIME),
    "available_at": _TIME,
    "queued_at": _TIME,
    "cancel_requested_at": _or_null(_TIME),
    "updated_at": _TIME,
    "events": {"type": "array", "items": _closed(_EVENT)},
}

_SUBMISSION: dict[str, Any] = {
    "agent_id": AGENT_ID,
    "params": _OBJECT,
    "config": _OBJECT,
    "priority": PRIORITY,
    "job_id": _IDENTIFIER,
}

#: What `http-fetch` is asked for without naming it.
_SHORT_FORM: dict[str, Any] = {
    "url": _TEXT,
    "method": _TEXT,
    "headers": {"type": "object", "additionalProperties": _TEXT},
    "body": _TEXT,
    "timeout": {"type": "number", "exclusiveMinimum": 0},
    "priority": PRIORITY,
    "job_id": _IDENTIFIER,
}

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "Submission": {
        "anyOf": [
            _closed(_SUBMISSION, optional=("params", "config", "priority", "job_id")),
            _closed(
                _SHORT_FORM, optional=("method", "headers", "body", "timeout", "priority", "job_id")
            ),
        ]
    },
    "Receipt": _closed({**_NAMES, "status": STATUS, "created_at": _TIME}),
    "JobSummary": _closed(_SUMMARY),
    "Job": _closed(_DETAIL),
    "JobPage": _closed(
        {
            "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/JobSummary"}},
            "next_cursor": _or_null(_TEXT),
        }
    ),
    "Health": _closed({"status": {"const": "ok"}}),
    "Document": {"type": "object"},
    "Problem": _closed(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _TEXT,
            "code": _TEXT,
        }
    ),
}
