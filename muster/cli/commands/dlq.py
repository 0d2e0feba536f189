"""`muster dlq`: dead letters, left where they are."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.endpoints import endpoints
from muster.cli.exit import Exit

_LIST_COLUMNS = ("agent_id", "messages", "in_flight", "retired")
_PEEK_COLUMNS = ("agent_id", "job_id", "error_class", "attempts", "copies", "reason")


def _agent_argument(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", nargs="?", help="its id; all agents without it")


def _list(context: Context, arguments: Namespace) -> Exit:
    from muster.aws.sqs import Queues

    queues = Queues()
    rows: list[dict[str, Any]] = []
    for endpoint in endpoints(context, agent=arguments.agent):
        depth = queues.depth(endpoint.dead_letters)
        rows.append(
            {
                "agent_id": endpoint.agent_id,
                "messages": depth.total,
                "in_flight": depth.in_flight,
                "retired": endpoint.retired,
                "url": endpoint.dead_letters,
            }
        )
    context.show_rows(rows, columns=_LIST_COLUMNS, none="No agent has a dead-letter queue.")
    return Exit.OK


def _peek_arguments(parser: ArgumentParser) -> None:
    _agent_argument(parser)
    parser.add_argument(
        "--limit", type=int, default=100, help="messages to look at per agent, default %(default)s"
    )


def _peek(context: Context, arguments: Namespace) -> Exit:
    from dataclasses import asdict

    from muster.aws.sqs import Queues
    from muster.cli.dead_letters import peek

    queues = Queues()
    rows = [
        asdict(letter)
        for endpoint in endpoints(context, agent=arguments.agent)
        for letter in peek(
            queues, endpoint.dead_letters, agent_id=endpoint.agent_id, limit=arguments.limit
        )
    ]
    context.show_rows(rows, columns=_PEEK_COLUMNS, none="No dead letters.")
    return Exit.OK


GROUP = Group(
    name="dlq",
    summary="dead-letter queues",
    commands=(
        Command(name="list", summary="count dead letters", arguments=_agent_argument, run=_list),
        Command(
            name="peek",
            summary="show dead letters with their reasons, and leave them in place",
            arguments=_peek_arguments,
            run=_peek,
        ),
    ),
)
