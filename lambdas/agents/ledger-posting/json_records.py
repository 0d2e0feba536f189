"""Records of JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn, cast

from .flaw import Flaw
from .lines import Line
from .record import Record, text_of


def json_records(lines: Iterator[Line]) -> Iterator[Record]:
    """The object of each line that is not blank."""
    for line in lines:
        try:
            text = text_of(line).strip()
            if not text:
                continue
            content = _object(text)
        except Flaw as flaw:
            content = flaw
        yield Record(line=line.end.line, content=content, end=line.end)


def _object(text: str) -> dict[str, Any]:
    try:
        # No number becomes a float on its way.
        value = json.loads(
            text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:
        raise Flaw("bad_json", "is not valid JSON") from error
    if not isinstance(value, dict):
        raise Flaw("bad_json", "is not a JSON object")
    return cast("dict[str, Any]", value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Flaw("bad_json", "has a field twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise Flaw("bad_json", f"has {name}, which is no number")
