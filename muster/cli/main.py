"""Reads the command line, runs one command, and turns what went wrong into one line and a code."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path

from muster.cli.command import Command, Group
from muster.cli.commands import COMMANDS
from muster.cli.context import Context
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit
from muster.errors import ConfigurationError, MusterError

#: Set, it lets an unexpected error through with its traceback.
DEBUG = "MUSTER_DEBUG"
_EPILOG = "exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 unavailable, 130 interrupted"
#: Codes of errors that mean that something could not be reached.
_UNAVAILABLE = {
    "store_unavailable",
    "queue_unavailable",
    "objects_unavailable",
    "secrets_unavailable",
    "not_running",
}


def main(
    argv: Sequence[str] | None = None,
    *,
    extra: Sequence[Command | Group] = (),
    fallback: Callable[[], Mapping[str, str]] | None = None,
    locate_api: Callable[[], str | None] | None = None,
    locate_log: Callable[[str], Path] | None = None,
    environ: MutableMapping[str, str] | None = None,
) -> int:
    """Run one command; return its exit code.

    Args:
        argv: arguments without the program's name; None takes the process's own.
        extra: more commands, listed before the runtime's.
        fallback: environment to use when none names a database.
        locate_api: address of the HTTP API that goes with the fallback.
        locate_log: file to which the listeners of an agent write there.
        environ: the environment; None is the process's own.
    """
    arguments = _parser((*extra, *COMMANDS)).parse_args(argv)
    context = Context(
        environ=os.environ if environ is None else environ,
        json=arguments.json,
        fallback=fallback,
        locate_api=locate_api,
        locate_log=locate_log,
    )
    try:
        return arguments.run(context, arguments)
    except KeyboardInterrupt:
        context.say("muster: interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # `muster jobs list | head`: whoever read has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor complain at exit
        return Exit.OK
    except MusterError as error:
        context.say(f"muster: {error}")
        return _code(error)
    except Exception as error:  # a person gets one line, whatever it was
        if DEBUG in context.environ:
            raise
        told = str(error).strip() or "no message"
        context.say(f"muster: {type(error).__name__}: {told} (set {DEBUG}=1 for the traceback)")
        return Exit.FAILED


def _code(error: MusterError) -> Exit:
    if isinstance(error, NotFound):
        return Exit.NOT_FOUND
    if isinstance(error, UsageError | ConfigurationError):
        return Exit.USAGE
    return Exit.UNAVAILABLE if error.code in _UNAVAILABLE else Exit.FAILED


def _parser(commands: Sequence[Command | Group]) -> ArgumentParser:
    parser = ArgumentParser(
        prog="muster",
        description="Event-driven agents on AWS, and on this machine.",
        epilog=_EPILOG,
    )
    parser.add_argument("--json", action="store_true", help="print results as JSON")
    _add(parser, commands)
    return parser


def _add(parser: ArgumentParser, commands: Sequence[Command | Group]) -> None:
    known = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in commands:
        child = known.add_parser(
            command.name, help=command.summary, description=command.summary, allow_abbrev=False
        )
        # Understood after the command too; SUPPRESS leaves what was said before it alone.
        child.add_argument("--json", action="store_true", default=SUPPRESS, help=SUPPRESS)
        if isinstance(command, Group):
            _add(child, command.commands)
        else:
            command.arguments(child)
            child.set_defaults(run=_runner(command))


def _runner(command: Command) -> Callable[[Context, Namespace], int]:
    return lambda context, arguments: int(command.run(context, arguments))
