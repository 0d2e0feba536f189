"""`muster migrate`: bring the database to the schema of this code."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "agents", metavar="AGENT", nargs="*", help="folder of an agent with tables of its own"
    )
    parser.add_argument("--dry-run", action="store_true", help="only list what would run")


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.store.connection import administer
    from muster.store.migrate import migrate, missing_migrations
    from muster.store.migration import agent_migrations

    agents = agent_migrations(Path(folder).absolute() for folder in arguments.agents)
    with closing(administer(context.database())) as connection:
        if arguments.dry_run:
            names = [str(migration) for migration in missing_migrations(connection, agents)]
            context.show({"pending": names}, text="\n".join(names) or "Nothing to do.")
            return Exit.OK
        report = migrate(connection, agents=agents)
    told = [f"Applied {name}." for name in report.applied]
    told.append(f"The schema is at version {report.version}.")
    told += [f"Index {name} is unusable: drop it, build it." for name in report.invalid_indexes]
    context.show(asdict(report), text="\n".join(told))
    return Exit.OK


COMMAND = Command(
    name="migrate",
    summary="bring the database to this code's schema; a deploy does it too",
    arguments=_arguments,
    run=_run,
)
