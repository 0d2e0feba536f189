"""`muster intake`: whether the stage takes jobs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.intake.decision import BUDGET

if TYPE_CHECKING:
    from muster.store.reader import Reader

_STAYS = "What it has taken goes on; so do retries, redrives and messages put into queues."


def _stop_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for whoever looks")
    _by_argument(parser)


def _by_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--by", metavar="NAME", help="who changes it; you when not given")


def _status(context: Context, _arguments: Namespace) -> Exit:
    with _intake(context) as reader:
        _show(context, reader)
    return Exit.OK


def _stop(context: Context, arguments: Namespace) -> Exit:
    with _intake(context) as reader:
        reader.rows("stop_intake", {"reason": arguments.reason, "by": _author(arguments)})
        _show(context, reader)
    context.say(_STAYS)
    return Exit.OK


def _resume(context: Context, arguments: Namespace) -> Exit:
    with _intake(context) as reader:
        resumed = reader.rows("resume_intake", {"by": _author(arguments)})
        _show(context, reader)
    if not resumed:
        context.say("It was not stopped.")
    elif resumed[0]["ends_at"] is not None:
        context.say(f"The budget leaves it so until {_utc(resumed[0]['ends_at'])}.")
    return Exit.OK


@contextmanager
def _intake(context: Context) -> Generator[Reader]:
    from muster.store.connection import administer
    from muster.store.reader import Reader

    with closing(administer(context.database())) as connection:
        connection.autocommit = True
        yield Reader(connection, topic="intake")


def _show(context: Context, reader: Reader) -> None:
    [row] = reader.rows("intake_status", {})
    context.show(row, text=_told(row))


def _told(row: dict[str, Any]) -> str:
    lines = ["open: the stage takes jobs"]
    if row["stopped"]:
        until = f", until {_utc(row['ends_at'])}" if row["ends_at"] else ""
        lines = [f"stopped by {row['changed_by']} since {_utc(row['since'])}{until}"]
        lines.append(f"reason: {row['reason']}")
    if row["checked_at"] is not None:
        lines.append(
            f"{row['spent_usd']:.2f} $ of {row['limit_usd']:g} $ metered in the month of"
            f" {_utc(row['checked_at'])}"
        )
    return "\n".join(lines)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _author(arguments: Namespace) -> str:
    import getpass

    by = arguments.by or getpass.getuser()
    if by == BUDGET:
        raise UsageError(f"--by {BUDGET}: that is what the limit is called; give a person's name")
    return by


GROUP = Group(
    name="intake",
    summary="whether the stage takes jobs",
    commands=(
        Command(name="status", summary="show whether it does, and what was metered", run=_status),
        Command(
            name="stop",
            summary="take no more jobs over HTTP or by schedules, until resumed",
            arguments=_stop_arguments,
            run=_stop,
        ),
        Command(
            name="resume",
            summary="take jobs again; a limit that was reached waits for the next month",
            arguments=_by_argument,
            run=_resume,
        ),
    ),
)
