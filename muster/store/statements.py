"""Named SQL from the `.sql` files of this package.

A file holds statements headed by `-- name: <name>`; comment lines after it describe it. Parameters are
psycopg2's `%(name)s`; a prepared statement numbers them in the order in which they first appear, and takes
the type of each from the cast (`::uuid[]`) of that first place. Postgres prepares no CALL; it is sent as it
is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_CALL = re.compile(r"^CALL\b", re.MULTILINE)
_PARAMETER = re.compile(r"%\((\w+)\)s(::\w+(?:\[\])?)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One named statement: its text, and how to prepare and execute it on a connection."""

    name: str
    text: str
    #: None: it cannot be prepared.
    prepare: str | None
    execute: str
    #: The names of its parameters, in the order in which they first appear.
    parameters: tuple[str, ...]


def preparable(name: str, text: str) -> Statement:
    """A statement that connections know by that name, from its text with `%(name)s`."""
    casts: dict[str, str] = {}
    for parameter, cast in _PARAMETER.findall(text):
        casts.setdefault(parameter, cast)
    order = list(casts)
    if (call := _CALL.search(text)) is not None:
        return Statement(
            name=name,
            text=text,
            prepare=None,
            execute=text[call.start() :],
            parameters=tuple(order),
        )
    numbered = _PARAMETER.sub(lambda match: f"${order.index(match[1]) + 1}{match[2] or ''}", text)
    arguments = ", ".join(f"%({parameter})s{cast}" for parameter, cast in casts.items())
    return Statement(
        name=name,
        text=text,
        prepare=f"PREPARE {name} AS {numbered}".replace("%%", "%"),
        execute=f"EXECUTE {name} ({arguments})" if order else f"EXECUTE {name}",
        parameters=tuple(order),
    )


@cache
def statements(topic: str) -> dict[str, Statement]:
    """The statements of `sql/<topic>.sql` by name.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a name stands twice.
    """
    source = (files("muster.store") / "sql" / f"{topic}.sql").read_text("utf-8")
    return {name: preparable(name, text) for name, text in named_texts(source, f"{topic}.sql")}


def named_texts(source: str, file: str) -> list[tuple[str, str]]:
    """Names and texts of the statements of a file.

    Raises:
        ValueError: a name stands twice.
    """
    parts = _HEADER.split(source)[1:]
    names = parts[::2]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"sql/{file} names {name} twice")
    return [(name, text.strip().rstrip(";")) for name, text in zip(names, parts[1::2], strict=True)]
