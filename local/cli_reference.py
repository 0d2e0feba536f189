"""docs/reference/cli.md, made from the commands themselves: what each takes.

python -m local.cli_reference > docs/reference/cli.md
"""

from __future__ import annotations

import sys
from argparse import Action, ArgumentParser
from collections.abc import Iterator

from local.commands import COMMANDS as LOCAL_COMMANDS
from muster.cli.command import Command, Group
from muster.cli.commands import COMMANDS
from muster.cli.exit import Exit

_TITLE = """# Command line

Every command with what it takes. Made from the code by `python -m local.cli_reference`; a test says when it
is stale.

Results are on stdout, progress and errors on stderr. `--json` prints a result as JSON, before or after the
command's name. Commands that need a database act on `DATABASE_URL` and the AWS settings of the environment;
without it on the local cloud.
"""
_EXITS = {
    Exit.OK: "done",
    Exit.FAILED: "it was tried, and did not come true",
    Exit.USAGE: "the command line, a setting or a manifest is wrong",
    Exit.NOT_FOUND: "there is no such agent, job or queue",
    Exit.UNAVAILABLE: "the cloud, the database or a service cannot be reached",
    Exit.INTERRUPTED: "interrupted",
}


def text() -> str:
    """The whole document."""
    parts = [_TITLE]
    parts += ["\n## Of a checkout\n", *_described(LOCAL_COMMANDS)]
    parts += ["\n## Of every installation\n", *_described(COMMANDS)]
    parts += ["\n## Exit codes\n\n| code | meaning |\n|---|---|\n"]
    parts += [f"| {code.value} | {_EXITS[code]} |\n" for code in Exit]
    return "".join(parts)


def _described(
    commands: tuple[Command | Group, ...] | tuple[Command, ...], before: str = "muster"
) -> Iterator[str]:
    for command in commands:
        name = f"{before} {command.name}"
        if isinstance(command, Group):
            yield from _described(command.commands, name)
        else:
            yield _section(name, command)


def _section(name: str, command: Command) -> str:
    parser = ArgumentParser(add_help=False)
    command.arguments(parser)
    # The one list of what a parser takes; argparse prints it, and differs in that between versions.
    actions: list[Action] = parser._actions  # noqa: SLF001 - argparse has no other way to them
    taken = "".join(f" {_usage(action)}" for action in actions if not action.option_strings)
    told = command.summary[0].upper() + command.summary[1:]
    section = f"\n### `{name}{taken}`\n\n{told}.\n"
    if not actions:
        return section
    rows = "".join(f"| {_cell(_named(a))} | {_cell(_meaning(a))} |\n" for a in actions)
    return f"{section}\n| takes | |\n|---|---|\n{rows}"


def _usage(action: Action) -> str:
    value = _value(action)
    if action.nargs in ("?", "*"):
        return f"[{value}]"
    return f"{value} ..." if action.nargs == "+" else value


def _named(action: Action) -> str:
    if not action.option_strings:
        return f"`{_usage(action)}`"
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _value(action: Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return action.dest.upper().replace("_", "-")


def _meaning(action: Action) -> str:
    told = (action.help or "") % {**vars(action), "prog": "muster"}
    chosen = [f"`{choice}`" for choice in action.choices or ()]
    return "; ".join(
        part for part in (told, f"one of {', '.join(chosen)}" if chosen else "") if part
    )


def _cell(value: str) -> str:
    return value.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(text())
