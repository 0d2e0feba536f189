"""The table of the routes of executions."""

from __future__ import annotations

from muster.api.executions.claiming import claim
from muster.api.executions.reporting import report
from muster.api.route import Route
from muster.keys.access import Scope

EXECUTIONS = (
    Route(
        method="POST",
        path="/v1/executions/claim",
        name="claimExecutions",
        summary="Take jobs of an agent that runs elsewhere, each with a token to report on it.",
        scope=Scope.JOBS_WORK,
        act=claim,
        body="Claim",
        answers={200: "Claimed"},
        problems=(400, 404, 409, 413, 415, 422),
    ),
    Route(
        method="PATCH",
        path="/v1/executions/{id}",
        name="reportExecution",
        summary="Say how far an execution is, or how it ended, with the token that its claim gave.",
        scope=Scope.EXECUTION_REPORT,
        act=report,
        body="Report",
        answers={200: "Reported"},
        problems=(400, 404, 409, 413, 415, 422),
    ),
)
