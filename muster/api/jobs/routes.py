"""The table of the routes of jobs."""

from __future__ import annotations

from dataclasses import replace

from muster.api.jobs.at_once import submit_at_once
from muster.api.jobs.bulk import MOST_JOBS, cancel_many, retry_many
from muster.api.jobs.changing import cancel, retry
from muster.api.jobs.reading import MOST, detail, listing
from muster.api.jobs.submission import submit
from muster.api.route import Route
from muster.api.shape import AGENT_ID, IDENTIFIER, PRIORITY, SOURCE, STATUS
from muster.keys.access import Scope

_ONE_OF = {"agent_id": AGENT_ID}

_SUBMIT = Route(
    method="POST",
    path="/v1/jobs",
    name="submitJob",
    summary="Ask for a job. It is recorded before the answer; the same id again is the same job.",
    scope=Scope.JOBS_SUBMIT,
    act=submit,
    at_once=submit_at_once,
    body="Submission",
    headers={"Idempotency-Key": IDENTIFIER},
    answers={202: "Receipt", 200: "Receipt"},
    problems=(400, 404, 409, 413, 415, 422),
)
_DETAIL = Route(
    method="GET",
    path="/v1/jobs/{id}",
    name="getJob",
    summary="One job, by its own id or its execution's, and everything that happened to it.",
    scope=Scope.JOBS_READ,
    act=detail,
    query=_ONE_OF,
    answers={200: "Job"},
    problems=(404, 409, 422),
)

_LIST = Route(
    method="GET",
    path="/v1/jobs",
    name="listJobs",
    summary="Jobs, newest first, page by page.",
    scope=Scope.JOBS_READ,
    act=listing,
    query={
        "agent_id": AGENT_ID,
        "status": STATUS,
        "priority": PRIORITY,
        "source": SOURCE,
        "job_id": IDENTIFIER,
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
        "cursor": {"type": "string", "maxLength": 200},
    },
    answers={200: "JobPage"},
    problems=(422,),
)

JOBS = (
    _SUBMIT,
    # As the jobs API that this one succeeds has them.
    replace(_SUBMIT, path="/jobs", name="submitJobAlias"),
    _LIST,
    replace(_LIST, path="/jobs", name="listJobsAlias"),
    _DETAIL,
    replace(_DETAIL, path="/jobs/{id}", name="getJobAlias"),
    Route(
        method="POST",
        path="/v1/jobs/{id}/cancel",
        name="cancelJob",
        summary="Call a job off; a running one is told, and may end before it hears of it.",
        scope=Scope.JOBS_MANAGE,
        act=cancel,
        query=_ONE_OF,
        answers={200: "Job"},
        problems=(404, 409, 422),
    ),
    Route(
        method="POST",
        path="/v1/jobs/{id}/retry",
        name="retryJob",
        summary="Run a failed job again, with its whole budget of attempts.",
        scope=Scope.JOBS_MANAGE,
        act=retry,
        query=_ONE_OF,
        answers={202: "Job"},
        problems=(404, 409, 422),
    ),
    Route(
        method="POST",
        path="/v1/jobs/cancel",
        name="cancelJobs",
        summary=f"Call off all jobs that a filter finds, at most {MOST_JOBS} a call; counts only, unless "
        "dry_run is false.",
        scope=Scope.JOBS_MANAGE,
        act=cancel_many,
        body="CancelOrder",
        answers={200: "JobTally"},
        problems=(400, 413, 415, 422),
    ),
    Route(
        method="POST",
        path="/v1/jobs/retry",
        name="retryJobs",
        summary=f"Run all failed jobs again that a filter finds, at most {MOST_JOBS} a call; counts only, "
        "unless dry_run is false.",
        scope=Scope.JOBS_MANAGE,
        act=retry_many,
        body="RetryOrder",
        answers={200: "JobTally"},
        problems=(400, 413, 415, 422),
    ),
)
