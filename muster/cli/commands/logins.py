"""`muster logins`: the database's logins of a stage's components, kept as their secrets say."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from dataclasses import asdict

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("stage", metavar="STAGE", help="whose logins; the database is its")
    parser.add_argument("--renew", action="store_true", help="give each login a new password")


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.aws.secret_keeper import SecretKeeper
    from muster.aws.secrets import Secrets
    from muster.store.connection import administer
    from muster.store.logins import Logins

    with closing(administer(context.database())) as connection:
        connection.autocommit = True
        logins = Logins(
            connection,
            stage=arguments.stage,
            read=Secrets().refresh,
            write=SecretKeeper().replace,
        )
        kept = [asdict(login) for login in logins.keep(renew=arguments.renew)]
    context.show_rows(kept, columns=("role", "login", "secret", "written"), none="No logins.")
    return Exit.OK


COMMAND = Command(
    name="logins",
    summary="keep the database's logins of a stage's components; a deploy does it too",
    arguments=_arguments,
    run=_run,
)
