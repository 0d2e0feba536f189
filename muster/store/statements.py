"""Named SQL from the `.sql` files of this package.

A file holds statements headed by `-- name: <name>`; comment lines after it describe it. Parameters are
psycopg2's `%(name)s`; a prepared statement numbers them in the order in which they first appear, and takes
the type of each from the cast (`::uuid[]`) of that first place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_PARAMETER = re.compile(r"%\((\w+)\)s(::\w+(?:\[\])?)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One named statement: its text, and how to prepare and execute it on a connection."""

    name: str
    text: str
    prepare: str
    execute: str


def _statement(name: str, text: str) -> Statement:
    casts: dict[str, str] = {}
    for parameter, cast in _PARAMETER.findall(text):
        casts.setdefault(parameter, cast)
    order = list(casts)
    numbered = _PARAMETER.sub(lambda match: f"${order.index(match[1]) + 1}{match[2] or ''}", text)
    arguments = ", ".join(f"%({parameter})s{cast}" for parameter, cast in casts.items())
    return Statement(
        name=name,
        text=text,
        prepare=f"PREPARE {name} AS {numbered}".replace("%%", "%"),
        execute=f"EXECUTE {name} ({arguments})" if order else f"EXECUTE {name}",
    )


@cache
def statements(topic: str) -> dict[str, Statement]:
    """The statements of `sql/<topic>.sql` by name.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a name stands twice.
    """
    source = (files("muster.store") / "sql" / f"{topic}.sql").read_text("utf-8")
    parts = _HEADER.split(source)[1:]
    found: dict[str, Statement] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name in found:
            raise ValueError(f"sql/{topic}.sql names {name} twice")
        found[name] = _statement(name, text.strip().rstrip(";"))
    return found
