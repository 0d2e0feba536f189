"""What a command is made of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass

from muster.cli.context import Context
from muster.cli.exit import Exit


def no_arguments(_parser: ArgumentParser) -> None:
    """For a command that takes none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command: `muster <name>`, or `muster <group> <name>` when it is one of a group."""

    name: str
    summary: str
    run: Callable[[Context, Namespace], Exit]
    arguments: Callable[[ArgumentParser], None] = no_arguments


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Commands about one noun."""

    name: str
    summary: str
    commands: tuple[Command, ...]
