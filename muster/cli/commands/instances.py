"""`muster instances`: the processes that run jobs, and when they were last heard of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit

_COLUMNS = (
    "instance_id",
    "agents",
    "kind",
    "status",
    "running_jobs",
    "hostname",
    "pid",
    "version",
    "started_at",
    "last_heartbeat",
)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", nargs="?", help="only those that serve it")
    parser.add_argument("--limit", type=int, default=50, help="most instances (default: 50)")


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.store.reader import reading

    with reading(context.database(), topic="instances") as reader:
        rows = reader.rows(
            "instances",
            {
                "agent_id": arguments.agent,
                "limit": arguments.limit,
            },
        )
    context.show_rows(rows, columns=_COLUMNS, none="No instance has registered.")
    return Exit.OK


COMMAND = Command(
    name="instances",
    summary="processes that run jobs, and their heartbeats",
    arguments=_arguments,
    run=_run,
)
