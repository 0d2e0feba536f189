"""A runbook as what it is: blocks of commands and statements, in the order of the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.source import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"

#: Pages that belong to no fault: how to look, and how to run it all on one machine.
GENERAL = frozenset({"find-a-failure", "one-machine", "troubleshooting-by-sql"})

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$|^##? ([^\n]+)$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"<([a-z-]+)>")
_COMMENT = re.compile(r"\s{2,}#.*$|^#.*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One command of the shell, or one statement of SQL."""

    language: str
    #: The heading above it.
    section: str
    text: str

    def words(self, values: Mapping[str, str]) -> list[str]:
        """Of a command, with what stands in angle brackets replaced.

        Raises:
            LookupError: the page asks for something that nobody has given.
        """
        missing = set(_PLACE.findall(self.text)) - set(values)
        if missing:
            raise LookupError(f"{self.text}: what is {', '.join(sorted(missing))}?")
        words = shlex.split(self.text)
        return [_PLACE.sub(lambda found: values[found[1]], word) for word in words]


@cache
def pages() -> Mapping[str, Path]:
    """Every runbook of a fault, by its name."""
    found = {path.stem: path for path in sorted(RUNBOOKS.glob("*.md"))}
    return {name: path for name, path in found.items() if name not in GENERAL}


def steps(name: str) -> list[Step]:
    """The steps of a page that can be typed."""
    return list(_steps((RUNBOOKS / f"{name}.md").read_text("utf-8")))


def _steps(text: str) -> Iterator[Step]:
    section = ""
    for language, block, heading in _BLOCK.findall(text):
        section = heading or section
        if language == "sql":
            yield Step(language="sql", section=section, text=block.strip())
        if language == "sh":
            joined = block.replace("\\\n", " ")
            lines = (_COMMENT.sub("", line).strip() for line in joined.splitlines())
            yield from (Step(language="sh", section=section, text=line) for line in lines if line)
