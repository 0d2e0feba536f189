"""What of a TOML value JSON, and Postgres with it, cannot hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from muster.manifest.problem import shown

#: Deeper values would exhaust the stack of whoever reads them.
_MAX_DEPTH = 64

#: JSON has no bound, but readers keep 64 bits.
_MAX_INTEGER = 2**63


def not_json(value: Any, at: str = "", *, depth: int = 0) -> list[tuple[str, str, str]]:
    """Every flaw inside the value: (path below it, the value, the cure)."""
    if depth > _MAX_DEPTH:
        return [(at, "(too deep)", f"nest at most {_MAX_DEPTH} levels")]
    if isinstance(value, Mapping):
        table = cast("Mapping[Any, Any]", value)
        return [
            flaw
            for key, entry in table.items()
            for flaw in (
                *_text(key, at),
                *not_json(entry, f"{at}.{key}", depth=depth + 1),
            )
        ]
    if isinstance(value, (list, tuple)):
        entries = cast("Sequence[Any]", value)
        return [
            flaw
            for number, entry in enumerate(entries)
            for flaw in not_json(entry, f"{at}[{number}]", depth=depth + 1)
        ]
    return _scalar(value, at)


def _scalar(value: Any, at: str) -> list[tuple[str, str, str]]:
    if isinstance(value, str):
        return _text(value, at)
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int):
        fits = -_MAX_INTEGER <= value < _MAX_INTEGER
        return [] if fits else [(at, shown(value), "write a number of at most 64 bits")]
    if isinstance(value, float):
        return [] if math.isfinite(value) else [(at, shown(value), "write a finite number")]
    return [(at, shown(value), "JSON has no dates or times; write it as a text in quotes")]


def _text(value: Any, at: str) -> list[tuple[str, str, str]]:
    if not isinstance(value, str):
        return [(at, shown(value), "write the key as a text")]
    if "\0" in value:
        return [(at, shown(value), "leave the NUL character out; Postgres cannot hold it")]
    try:
        value.encode()
    except UnicodeEncodeError:
        return [(at, shown(value), "leave the lone surrogate out; it is no character")]
    return []
