"""A message body as a JSON object that Postgres can store; every other body is a `BodyProblem`.

Stricter than `json.loads` where it accepts what is no JSON (NaN), looser in one thing: a leading byte
order mark is tolerated. Of duplicate keys the last one counts.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, cast

#: Deepest nesting of arrays and objects. Postgres and the validators recurse; this is far below their ends.
MAX_DEPTH = 128

#: Most digits of an integer: the bound of Python's own conversion, written down so that it cannot drift.
MAX_DIGITS = 4300

#: What jsonb cannot hold, and what it is replaced with.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"

# Escapes that may decode to something unstorable; seldom there, so most bodies are never walked.
_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class BodyProblem(ValueError):
    """The body is no JSON object that can be stored; the text says why, without quoting the body."""


def parse_object(body: str) -> dict[str, Any]:
    """The JSON object that `body` is, not yet `storable`.

    Raises:
        BodyProblem: whatever else it is.
    """
    value = parse_value(body)
    if not isinstance(value, dict):
        raise BodyProblem(f"it is {_JSON_TYPES[type(value)]}, not an object")
    return cast("dict[str, Any]", value)


def parse_value(body: str) -> Any:
    """The JSON that `body` is, whatever its type, not yet `storable`.

    Raises:
        BodyProblem: it is none.
    """
    text = body.removeprefix("\ufeff")
    try:
        value = _decode(text)
    except json.JSONDecodeError as exc:
        raise BodyProblem(f"{exc.msg} at line {exc.lineno}, column {exc.colno}") from None
    except RecursionError:
        raise BodyProblem(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and deeper_than(value, MAX_DEPTH):
        raise BodyProblem(_TOO_DEEP)
    return value


def storable(value: dict[str, Any], *, body: str) -> dict[str, Any]:
    """`value`, with NUL and lone surrogates replaced by U+FFFD: jsonb refuses them.

    Args:
        value: what `parse_object(body)` gave, or a part of it.
        body: where it comes from; when it cannot hold such characters the value is returned as is.
    """
    if _SUSPICIOUS_ESCAPE.search(body) or UNSTORABLE.search(body):
        return cast("dict[str, Any]", _replaced(value))
    return value


def _replaced(value: Any) -> Any:
    # Recursion is bounded by MAX_DEPTH.
    match value:
        case str():
            return UNSTORABLE.sub(REPLACEMENT, value)
        case list():
            return [_replaced(item) for item in cast("list[Any]", value)]
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {UNSTORABLE.sub(REPLACEMENT, key): _replaced(item) for key, item in items}
        case _:
            return value


def deeper_than(value: Any, limit: int) -> bool:
    """Whether JSON of dicts and lists is nested more than `limit` levels deep."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [child for container in level for child in _containers_in(container)]
        if not level:
            return False
    return True


def _containers_in(container: dict[str, Any] | list[Any]) -> list[Any]:
    children = container.values() if isinstance(container, dict) else container
    return [child for child in children if isinstance(child, dict | list)]


def _no_constant(name: str) -> NoReturn:
    raise BodyProblem(f"{name} is no JSON; send null or a string instead")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BodyProblem("it holds a number beyond 1.8e308; send it as a string")
    return number


def _bounded(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BodyProblem(f"it holds a number of over {MAX_DIGITS} digits; send it as a string")
    return int(digits)


# Made once: `json.loads` would make a decoder for every body.
_decode = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_finite, parse_int=_bounded
).decode

_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"

_JSON_TYPES: dict[type, str] = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}
