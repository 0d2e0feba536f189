"""The JSON Schemas of bodies and answers, by name: what is checked is what is documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.dead_letters.schemas import LETTER_SCHEMAS
from muster.api.executions.schemas import EXECUTION_SCHEMAS
from muster.api.forerunners.schemas import FORERUNNER_SCHEMAS
from muster.api.jobs.bulk import BULK_SCHEMAS
from muster.api.registry.schemas import REGISTRY_SCHEMAS
from muster.api.shape import (
    AGENT_ID,
    COUNT,
    IDENTIFIER,
    OBJECT,
    PRIORITY,
    STATUS,
    TEXT,
    TIME,
    UUID,
    closed,
    or_null,
    word,
)
from muster.api.tasks.schemas import TASK_SCHEMAS
from muster.api.tokens.schemas import TOKEN_SCHEMAS

_NAMES: dict[str, Any] = {
    "execution_id": UUID,
    "job_id": IDENTIFIER,
    "agent_id": TEXT,
}

_SUMMARY: dict[str, Any] = {
    **_NAMES,
    "agent_version": TEXT,
    "status": STATUS,
    "priority": TEXT,
    "source": TEXT,
    "attempts": COUNT,
    "max_attempts": COUNT,
    "reason": or_null(TEXT),
    "error_code": or_null(TEXT),
    "created_at": TIME,
    "started_at": or_null(TIME),
    "completed_at": or_null(TIME),
}

_EVENT = {
    "at": TIME,
    "kind": TEXT,
    "from_status": or_null(TEXT),
    "to_status": or_null(TEXT),
    "attempt": or_null(COUNT),
    "reason": or_null(TEXT),
}

_DETAIL: dict[str, Any] = {
    **_SUMMARY,
    "params": OBJECT,
    "config": or_null(OBJECT),
    "config_version": or_null(COUNT),
    "result": {"description": "what the agent returned; any JSON"},
    "result_ref": or_null(TEXT),
    "error": or_null(OBJECT),
    "metrics": or_null(OBJECT),
    "progress": or_null(OBJECT),
    "code_version": or_null(TEXT),
    "traceparent": or_null(TEXT),
    "redrives": COUNT,
    "scheduled_for": or_null(TIME),
    "available_at": TIME,
    "queued_at": TIME,
    "cancel_requested_at": or_null(TIME),
    "updated_at": TIME,
    "events": {"type": "array", "items": closed(_EVENT)},
}

_SUBMISSION: dict[str, Any] = {
    "agent_id": AGENT_ID,
    "params": OBJECT,
    "config": OBJECT,
    "priority": PRIORITY,
    "job_id": IDENTIFIER,
}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

#: What `http-fetch` is asked for without naming it. Whom it may call is judged when it does.
_SHORT_FORM: dict[str, Any] = {
    "url": {"type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$", "maxLength": 8192},
    "method": word(*_METHODS, *map(str.lower, _METHODS)),
    "headers": {"type": "object", "additionalProperties": TEXT},
    "body": TEXT,
    "timeout": {"type": "number", "exclusiveMinimum": 0},
    "priority": PRIORITY,
    "job_id": IDENTIFIER,
}

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    **EXECUTION_SCHEMAS,
    **TOKEN_SCHEMAS,
    **REGISTRY_SCHEMAS,
    **TASK_SCHEMAS,
    **FORERUNNER_SCHEMAS,
    **LETTER_SCHEMAS,
    **BULK_SCHEMAS,
    "Submission": {
        "anyOf": [
            closed(_SUBMISSION, optional=("params", "config", "priority", "job_id")),
            closed(
                _SHORT_FORM, optional=("method", "headers", "body", "timeout", "priority", "job_id")
            ),
        ]
    },
    "Receipt": closed({**_NAMES, "status": STATUS, "created_at": TIME}),
    "HookReceipt": {
        "anyOf": [
            closed({"execution_id": _NAMES["execution_id"], "delivery": TEXT}),
            # What Slack asks for, once, when the address is entered there.
            closed({"challenge": TEXT}),
        ]
    },
    "JobSummary": closed(_SUMMARY),
    "Job": closed(_DETAIL),
    "JobPage": closed(
        {
            "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/JobSummary"}},
            "next_cursor": or_null(TEXT),
        }
    ),
    "Metrics": {"type": "string", "description": "Prometheus text format 0.0.4"},
    "Health": closed({"status": {"const": "ok"}}),
    "Document": {"type": "object"},
    "Page": {"type": "string"},
    "Problem": closed(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "code": TEXT,
        }
    ),
}
