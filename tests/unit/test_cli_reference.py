"""docs/reference/cli.md holds every command with all that it takes."""

from __future__ import annotations

import re

from local.cli_reference import text
from local.commands import COMMANDS as LOCAL_COMMANDS
from muster.cli.command import Group
from muster.cli.commands import COMMANDS
from muster.cli.main import _parser
from tests.support.source import ROOT

COMMITTED = ROOT / "docs" / "reference" / "cli.md"


def test_the_committed_page_is_what_the_commands_say():
    cure = "write it anew: .venv/bin/python -m local.cli_reference > docs/reference/cli.md"
    assert COMMITTED.read_text("utf-8") == text(), cure


def test_every_command_is_in_it_and_every_argument_says_what_it_means():
    # Given every command, by its names
    names = {
        f"muster {top.name}{f' {one.name}' if one else ''}"
        for top in (*LOCAL_COMMANDS, *COMMANDS)
        for one in (top.commands if isinstance(top, Group) else (None,))
    }
    # When the page is read
    shown = set(re.findall(r"^### `(muster [a-z-]+(?: [a-z-]+)?)", text(), re.MULTILINE))
    # Then it has a section of each, and no argument is silent
    assert shown == names
    assert re.findall(r"^\| (.+?) \|  \|$", text(), re.MULTILINE) == []


def test_what_it_says_is_what_the_program_takes():
    # Given the page's options of a command with all kinds of them
    page = text()
    section = page[page.index("### `muster send AGENT`") : page.index("### `muster jobs list`")]
    # When the program is given one of each
    given = _parser(COMMANDS).parse_args(
        ["send", "one", "--params", "{}", "--job-id", "j", "--priority", "low", "--tenant", "t"]
    )
    # Then it understands them, and the page has them
    assert (given.agent, given.priority, given.tenant) == ("one", "low", "t")
    assert all(f"`{option} " in section for option in ("--params", "--job-id", "--tenant"))
    assert "default normal" in section
