"""`muster send`: put a job on an agent's queue."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from muster.cli.assignment import json_object
from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.endpoints import endpoints
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.lane import LANES, NORMAL, nearest_lane


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id")
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--params", metavar="JSON", help="the job's params, a JSON object")
    body.add_argument("--file", metavar="PATH", help="read the params from a file; - is stdin")
    parser.add_argument(
        "--config",
        metavar="JSON",
        help="what this job alone shall find in its config, a JSON object",
    )
    parser.add_argument(
        "--job-id", metavar="ID", help="idempotency key; a random one when not given"
    )
    parser.add_argument(
        "--priority",
        choices=LANES,
        default=NORMAL,
        help="how urgent it is, default %(default)s; it goes to the nearest lane that the agent has",
    )
    parser.add_argument("--tenant", default="default", help="on whose behalf")


def _run(context: Context, arguments: Namespace) -> Exit:
    from uuid import uuid4

    params = _params(arguments)
    endpoint = endpoints(context, agent=arguments.agent)[0]
    if endpoint.retired:
        raise UsageError(f"{arguments.agent} is retired: no worker takes its messages.")
    lane = nearest_lane(arguments.priority, endpoint.queues)
    if lane != arguments.priority:
        known = ", ".join(each for each in LANES if each in endpoint.queues)
        context.say(
            f"{arguments.agent} has no lane {arguments.priority}, only {known}: it goes to {lane}."
        )
    job_id = arguments.job_id or str(uuid4())

    from muster.aws.sqs import Queues
    from muster.message.envelope import envelope
    from muster.ports import Outgoing

    body = envelope(
        job_id=job_id,
        agent_id=arguments.agent,
        tenant=arguments.tenant,
        params=params,
        config=None if arguments.config is None else json_object(arguments.config, noun="config"),
        priority=arguments.priority,
    )
    sent = Queues().send_batch(endpoint.queues[lane], [Outgoing(body=body)])[0]
    if sent.error is not None:
        raise sent.error
    result = {
        "job_id": job_id,
        "agent_id": arguments.agent,
        "message_id": sent.message_id,
        "lane": lane,
    }
    context.show(result, text=job_id)
    return Exit.OK


def _params(arguments: Namespace) -> dict[str, Any]:
    try:
        text = arguments.params or "{}"
        if arguments.file:
            text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text()
    except OSError as error:
        raise UsageError(f"--file {arguments.file}: {error.strerror}") from error
    return json_object(text, noun="params")


COMMAND = Command(
    name="send", summary="put a job on an agent's queue", arguments=_arguments, run=_run
)
