"""`muster dlq`: dead letters: look at them, send them back, put them away."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from muster.cli.command import Command, Group
from muster.cli.commands.dlq_purge import PURGE
from muster.cli.commands.dlq_redrive import REDRIVE
from muster.cli.context import Context
from muster.cli.endpoints import endpoints
from muster.cli.exit import Exit
from muster.cli.letters import agent_argument, selection_arguments, selection_of
from muster.cli.number import limit

_LIST_COLUMNS = ("agent_id", "messages", "in_flight", "retired")
_PEEK_COLUMNS = ("agent_id", "job_id", "error_class", "attempts", "copies", "reason")


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
    agent_argument(parser)
    selection_arguments(parser)
    parser.add_argument(
        "--limit", type=limit, default=100, help="letters to show per agent, default %(default)s"
    )


def _peek(context: Context, arguments: Namespace) -> Exit:
    from dataclasses import asdict

    from muster.aws.sqs import Queues
    from muster.letters.peek import peek

    queues = Queues()
    rows = [
        asdict(letter)
        for endpoint in endpoints(context, agent=arguments.agent)
        for letter in peek(
            queues,
            endpoint.dead_letters,
            agent_id=endpoint.agent_id,
            limit=arguments.limit,
            selection=selection_of(arguments),
        )
    ]
    context.show_rows(rows, columns=_PEEK_COLUMNS, none="No dead letters.")
    return Exit.OK


GROUP = Group(
    name="dlq",
    summary="dead-letter queues",
    commands=(
        Command(name="list", summary="count dead letters", arguments=agent_argument, run=_list),
        Command(
            name="peek",
            summary="show dead letters with their reasons, and leave them in place",
            arguments=_peek_arguments,
            run=_peek,
        ),
        REDRIVE,
        PURGE,
    ),
)
