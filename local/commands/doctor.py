"""`muster doctor`: whether this machine, a stage and its account are ready, and what to do if not."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit

if TYPE_CHECKING:
    from local.doctor.account import Account
    from local.doctor.unread import Unread

#: Seconds to reach AWS, and to wait for an answer.
_CONNECT, _READ = 5, 10


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stage", metavar="NAME", help="also look at this stage, and at the AWS account for it"
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from local.checkout import Checkout
    from local.doctor.examination import Examination, rows
    from local.doctor.finding import healthy
    from local.doctor.machine import Machine

    checkout = Checkout.locate()
    context.say("Looking at this machine")
    machine = Machine.look(checkout, context.environ)

    def ask(stage: str, parameter: str) -> Account | Unread:
        context.say("Asking AWS")
        return _ask(stage, parameter)

    examination = Examination(checkout=checkout, machine=machine, ask=ask)
    findings = list(examination.findings(arguments.stage))
    shown = rows(findings)
    well = healthy(findings)
    lines = [line for row in shown for line in _lines(row)]
    context.show({"ok": well, "stage": arguments.stage, "findings": shown}, text="\n".join(lines))
    if arguments.stage is None:
        context.say("To look at a stage and its AWS account too: muster doctor --stage dev")
    return Exit.OK if well else Exit.FAILED


def _ask(stage: str, parameter: str) -> Account | Unread:
    import boto3.session
    from botocore.config import Config

    from local.doctor.account import Account
    from local.doctor.unread import Unread, read

    session = read(boto3.session.Session)
    if isinstance(session, Unread):
        return session
    config = Config(
        connect_timeout=_CONNECT,
        read_timeout=_READ,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return Account.look(session, stage=stage, bootstrap_parameter=parameter, config=config)


def _lines(row: dict[str, str]) -> list[str]:
    told = f"{row['level']:8} {row['check']}: {row['told']}"
    return [told, f"{'':8}   → {row['cure']}"] if row["cure"] else [told]


COMMAND = Command(
    name="doctor",
    summary="say whether this machine and a stage are ready, and what to do if not",
    arguments=_arguments,
    run=_run,
)
