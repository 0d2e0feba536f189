"""`muster smoke`: one job through a deployed stage from outside, as its callers see it."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from muster.cli.api_client import API_KEY, API_URL, ApiClient
from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit

#: An agent that ships, calls nobody and ends at once.
_AGENT = "document-profile"
_PARAMS = {"text": "is anybody there?"}
_PAUSE_SECONDS = 1.0
_ENDED = ("completed", "failed", "cancelled")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", type=float, default=180, metavar="SECONDS", help="default %(default)s"
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from uuid import uuid4

    api = ApiClient.from_environ(context.environ)
    job_id = f"smoke-{uuid4()}"
    started = time.monotonic()
    api.call("POST", "/v1/jobs", {"agent_id": _AGENT, "job_id": job_id, "params": _PARAMS})
    context.say(f"{_AGENT}: {job_id} is recorded")
    while True:
        job = api.call("GET", f"/v1/jobs/{job_id}?agent_id={_AGENT}")
        waited = time.monotonic() - started
        if job["status"] in _ENDED or waited > arguments.timeout:
            return _told(context, job, waited)
        time.sleep(_PAUSE_SECONDS)


def _told(context: Context, job: dict[str, Any], waited: float) -> Exit:
    completed = job["status"] == "completed"
    shown = {"job_id": job["job_id"], "status": job["status"], "seconds": round(waited, 1)}
    if not completed:
        shown["error"] = job.get("error")
    text = f"{shown['status']} after {shown['seconds']} s"
    context.show(
        shown, text=text if completed else f"{text}: {shown['error'] or 'no worker took it'}"
    )
    return Exit.OK if completed else Exit.FAILED


COMMAND = Command(
    name="smoke",
    summary=f"send a job to a deployed stage and wait for its record; reads {API_URL}, {API_KEY}",
    arguments=_arguments,
    run=_run,
)
