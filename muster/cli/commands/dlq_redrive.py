"""`muster dlq redrive`: send dead letters back to their lanes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import timedelta

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.endpoints import Endpoint, endpoints
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.cli.letters import (
    agent_argument,
    bulk_arguments,
    selection_arguments,
    selection_of,
    show_tallies,
)
from muster.cli.number import limit, per_second


def _arguments(parser: ArgumentParser) -> None:
    agent_argument(parser)
    selection_arguments(parser)
    bulk_arguments(parser)
    parser.add_argument(
        "--rate", type=per_second, metavar="N", help="at most so many a second, such as 5 or 0.2"
    )
    parser.add_argument(
        "--max-redrives",
        type=limit,
        default=3,
        metavar="N",
        help="leave what was redriven so often already, default %(default)s",
    )
    parser.add_argument(
        "--hold",
        type=limit,
        default=120,
        metavar="SECONDS",
        help="how long letters stay hidden while they are looked at, and after a run that was killed, "
        "default %(default)s",
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.aws.sqs import Queues
    from muster.clock import SystemClock
    from muster.letters.redrive import Order, Redrive
    from muster.store.dead_letters import DeadLetters

    chosen = _taking_jobs(context, arguments)
    queues, clock = Queues(), SystemClock()
    with context.ledger_database() as database:
        tallies = [
            Redrive(
                Order(
                    agent_id=endpoint.agent_id,
                    lanes=endpoint.queues,
                    queue_url=endpoint.dead_letters,
                    selection=selection_of(arguments),
                    limit=arguments.limit,
                    rate=arguments.rate,
                    most_redrives=arguments.max_redrives,
                    dry_run=not arguments.yes,
                ),
                queues=queues,
                ledger=DeadLetters(database),
                clock=clock,
                hidden=timedelta(seconds=arguments.hold),
            ).run()
            for endpoint in chosen
        ]
    return show_tallies(context, tallies, yes=arguments.yes)


def _taking_jobs(context: Context, arguments: Namespace) -> list[Endpoint]:
    """The agents whose jobs would run again: any other would end them as cancelled, or never."""
    found = endpoints(context, agent=arguments.agent)
    idle = [endpoint for endpoint in found if endpoint.retired or not endpoint.enabled]
    for endpoint in idle:
        why = (
            "retired: no worker takes its messages"
            if endpoint.retired
            else (
                f"disabled: its jobs would be cancelled; `muster agents enable {endpoint.agent_id}` first"
            )
        )
        if arguments.agent is not None:
            raise UsageError(f"{endpoint.agent_id} is {why}.")
        context.say(f"{endpoint.agent_id} is left out, it is {why}.")
    return [endpoint for endpoint in found if endpoint not in idle]


REDRIVE = Command(
    name="redrive",
    summary="send dead letters back to their lanes, each job once; without --yes only count",
    arguments=_arguments,
    run=_run,
)
