"""`muster down`: stop the local cloud."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--purge", "--data", action="store_true", help="also remove the database and the logs"
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from local.cloud import Cloud

    ran = Cloud.of_checkout(say=context.say).down(purge=arguments.purge)
    told = "Stopped." if ran else "Nothing was running."
    kept = " Its data is removed." if arguments.purge else " The database is kept."
    context.show({"stopped": ran, "purged": arguments.purge}, text=told + kept)
    return Exit.OK


COMMAND = Command(
    name="down", summary="stop the local cloud; the database stays", arguments=_arguments, run=_run
)
