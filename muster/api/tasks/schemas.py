"""The JSON Schemas of tasks and queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.registry.schemas import TYPE
from muster.api.shape import (
    AGENT_ID,
    COUNT,
    IDENTIFIER,
    OBJECT,
    PRIORITY,
    SHARE,
    STATUS,
    TEXT,
    TIME,
    UUID,
    WORDS,
    closed,
    or_null,
)
from muster.lane import LANES

_REQUIREMENTS = {
    "agent_type": TYPE,
    "capabilities": WORDS,
    "services": WORDS,
    "min_health_score": SHARE,
}
REQUIREMENTS = closed(_REQUIREMENTS, optional=tuple(_REQUIREMENTS))

#: The coordinator took priorities in whatever case.
ANY_CASE = {
    "type": "string",
    "enum": [form for lane in LANES for form in (lane, lane.upper(), lane.capitalize())],
}

_SIZES = closed(dict.fromkeys(LANES, COUNT))
_NUMBER = {"type": "number", "minimum": 0}
_SUCCESS = {"status": {"const": "success"}}

_BALANCER = {
    "strategy": TEXT,
    "total_assignments": COUNT,
    "successful_assignments": COUNT,
    "failed_assignments": COUNT,
    "success_rate": SHARE,
    "active_agents": COUNT,
    "agent_weights": OBJECT,
    "avg_agent_load": _NUMBER,
}
_DISTRIBUTION = closed(
    {
        "tasks_distributed": COUNT,
        "tasks_completed": COUNT,
        "tasks_failed": COUNT,
        "avg_distribution_time": _NUMBER,
        "load_balancer_stats": closed(_BALANCER),
        "queue_sizes": _SIZES,
        "window_seconds": COUNT,
    }
)

TASK_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "TaskSubmission": closed(
        {
            "requirements": REQUIREMENTS,
            "params": OBJECT,
            "priority": PRIORITY,
            "task_id": IDENTIFIER,
        },
        optional=("params", "priority", "task_id"),
    ),
    "Task": closed(
        {
            "task_id": IDENTIFIER,
            "status": STATUS,
            "priority": TEXT,
            "requirements": OBJECT,
            "agent_id": or_null(TEXT),
            "execution_id": or_null(UUID),
            "reason": or_null(TEXT),
            "submitted_at": TIME,
        }
    ),
    "QueueSizes": closed({"queue_sizes": _SIZES}),
    "QueueCleared": closed({"priority": PRIORITY, "cleared_count": COUNT}),
    "CoordinatorTask": closed(
        {
            "task_data": OBJECT,
            "agent_id": AGENT_ID,
            "requirements": REQUIREMENTS,
            "priority": ANY_CASE,
            "task_id": IDENTIFIER,
        },
        optional=("agent_id", "requirements", "priority", "task_id"),
    ),
    "CoordinatorSubmitted": closed(
        {
            **_SUCCESS,
            "message": TEXT,
            "task_id": IDENTIFIER,
            "priority": PRIORITY,
            "submitted_at": TIME,
            "agent_id": or_null(TEXT),
        }
    ),
    "CoordinatorStats": closed({**_SUCCESS, "stats": _DISTRIBUTION, "timestamp": TIME}),
    "CoordinatorQueues": closed({**_SUCCESS, "queue_sizes": _SIZES, "timestamp": TIME}),
    "CoordinatorCleared": closed(
        {
            **_SUCCESS,
            "message": TEXT,
            "priority": PRIORITY,
            "cleared_count": COUNT,
            "timestamp": TIME,
        }
    ),
    "CoordinatorQueueStats": closed(
        {
            **_SUCCESS,
            "queue_sizes": _SIZES,
            "distribution_stats": _DISTRIBUTION,
            "timestamp": TIME,
        }
    ),
}
