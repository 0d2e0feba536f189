"""Profile of JSON: what its outermost value is made of."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from muster import PermanentError

#: Largest JSON text, in characters: parsed, small values take some twenty times their text.
MAX_CHARACTERS = 16 * 1024 * 1024

#: Most keys named in a profile, and most characters of each.
MAX_KEYS = 100
MAX_KEY_LENGTH = 200

_NAMES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def parses(text: str) -> bool:
    """Whether the text is JSON; what is too large to try is not."""
    try:
        _parse(text)
    except PermanentError:
        return False
    return True


def profile_json(text: str) -> dict[str, Any]:
    """The shape of the outermost value.

    Raises:
        PermanentError: `broken_json`, or `json_too_large`.
    """
    return {"shape": _shape(_parse(text))}


def _parse(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise PermanentError(
            f"The JSON has over {MAX_CHARACTERS} characters. Split it.", code="json_too_large"
        )
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as exc:
        where = f"{exc.msg} at line {exc.lineno}, column {exc.colno}"
    except RecursionError:
        where = "it is nested too deeply"
    except ValueError as exc:
        where = str(exc)
    raise PermanentError(f"The document is no valid JSON: {where}.", code="broken_json")


def _shape(value: Any) -> dict[str, Any]:
    shape: dict[str, Any] = {"kind": _NAMES[type(value)]}
    if isinstance(value, dict):
        names = [key[:MAX_KEY_LENGTH] for key in list(value)[:MAX_KEYS]]
        shape |= {"keys": len(value), "key_names": names}
    if isinstance(value, list):
        shape |= {"items": len(value), "item_kinds": Counter(_NAMES[type(i)] for i in value)}
    return shape | {"depth": _depth(value)}


def _depth(value: Any) -> int:
    """Levels of objects and arrays; 0 for a lone value."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
        ]
    return depth


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
