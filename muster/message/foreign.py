"""Bodies of the systems that came before: recognised by their exact shape, else they are plain params."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

#: MediaPulse's execution request; `jobId` and `params` make it one.
_MEDIAPULSE = frozenset(
    {
        "jobId",
        "executionId",
        "agentId",
        "agentVersion",
        "instanceId",
        "params",
        "config",
        "metadata",
    }
)

#: The task form holds these two and nothing else.
_TASK = frozenset({"task_id", "data"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignJob:
    """A job as another system wrote it."""

    #: The key that holds the job id, for messages to people.
    id_field: str
    #: Not yet checked.
    job_id: Any
    #: Not yet checked; None when the form does not say.
    agent_id: Any
    params: dict[str, Any]
    config: dict[str, Any] | None = None


def read_foreign(body: Mapping[str, Any]) -> ForeignJob | None:
    """The job, if the body has the shape of a known form."""
    if (
        body.keys() <= _MEDIAPULSE
        and "jobId" in body
        and isinstance(body.get("params"), dict)
        and isinstance(body.get("config"), dict | None)
    ):
        return ForeignJob(
            id_field="jobId",
            job_id=body["jobId"],
            agent_id=body.get("agentId"),
            params=cast("dict[str, Any]", body["params"]),
            config=body.get("config"),
        )
    if not body.keys() ^ _TASK:
        task_id, data = body["task_id"], body["data"]
        return ForeignJob(
            id_field="task_id",
            # Numbers are common here; a job id is text.
            job_id=str(task_id) if type(task_id) is int else task_id,
            agent_id=None,
            params=cast("dict[str, Any]", data) if isinstance(data, dict) else {"data": data},
        )
    return None
