"""JSON as Postgres takes it.

Many rows travel to a statement as one JSON document (`json_to_recordset`): measured against arrays through
`unnest`, quoting them on the client cost more than the statement itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from muster.message.body import MAX_DEPTH, REPLACEMENT, UNSTORABLE, deeper_than

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def document(value: Any) -> str:
    """`value` as JSON that jsonb can hold: NUL and lone surrogates become U+FFFD.

    Raises:
        ValueError: it holds NaN or an infinity, or refers to itself.
        TypeError: it holds what JSON cannot express.
    """
    text = _encode(value)
    if "\\u0000" in text or not _encodable(text):
        text = _encode(_clean(value))
    return text


def whole(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, where `3.0`, which JSON Schema calls an integer, is the one that a column takes."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in values.items()
    }


def bounded_document(value: Any) -> str:
    """`document` of what an agent made, which may be nested as deep as params may be.

    Raises:
        ValueError, TypeError: as `document`; also when it is deeper.
    """
    text = document(value)
    if text.count("[") + text.count("{") > MAX_DEPTH and deeper_than(json.loads(text), MAX_DEPTH):
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: Any) -> Any:
    match value:
        case str():
            return UNSTORABLE.sub(REPLACEMENT, value)
        case dict():
            items = cast("dict[Any, Any]", value).items()
            return {_clean(key): _clean(item) for key, item in items}
        case list() | tuple():
            return [_clean(item) for item in cast("list[Any]", value)]
        case _:
            return value
