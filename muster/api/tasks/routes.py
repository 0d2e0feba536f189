"""The table of the routes of tasks and queues."""

from __future__ import annotations

from muster.api.route import Route
from muster.api.shape import IDENTIFIER
from muster.api.tasks import queues, submission
from muster.keys.access import Scope

TASKS = (
    Route(
        method="POST",
        path="/v1/tasks",
        name="submitTask",
        summary="Ask for what any agent may do that can. It is recorded, and waits where none can now.",
        scope=Scope.JOBS_SUBMIT,
        act=submission.submit,
        body="TaskSubmission",
        headers={"Idempotency-Key": IDENTIFIER},
        answers={202: "Task"},
        problems=(400, 409, 413, 415, 422),
    ),
    Route(
        method="GET",
        path="/v1/tasks/{id}",
        name="getTask",
        summary="A task, and the job that it has become.",
        scope=Scope.JOBS_READ,
        act=submission.detail,
        answers={200: "Task"},
        problems=(404, 422),
    ),
    Route(
        method="GET",
        path="/v1/queues",
        name="queueSizes",
        summary="What waits for a start, by priority.",
        scope=Scope.JOBS_READ,
        act=queues.sizes,
        answers={200: "QueueSizes"},
    ),
    Route(
        method="POST",
        path="/v1/queues/{priority}/clear",
        name="clearQueue",
        summary="Call off all that waits of a priority; it stays in the ledger, as cancelled.",
        scope=Scope.QUEUES_CLEAR,
        act=queues.clear,
        answers={200: "QueueCleared"},
        problems=(404, 422),
    ),
)
