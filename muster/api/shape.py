"""What the API's JSON Schemas are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.lane import LANES
from muster.message.envelope import MAX_ID_LENGTH
from muster.model import Source, Status

TEXT = {"type": "string"}
IDENTIFIER = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}
COUNT = {"type": "integer", "minimum": 0}
INTEGER = {**COUNT, "maximum": 2_147_483_647}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
FLAG = {"type": "boolean"}
TIME = {"type": "string", "format": "date-time"}
UUID = {"type": "string", "format": "uuid"}
OBJECT = {"type": "object"}
URL = {"type": "string", "pattern": r"^https?://[^\s]+$", "maxLength": 2000}
#: Words such as capabilities and tags.
WORDS = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "maxItems": 100,
}
AGENT_ID = {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"}
PRIORITY = {"type": "string", "enum": list(LANES)}
STATUS = {"type": "string", "enum": [str(status) for status in Status]}
SOURCE = {"type": "string", "enum": [str(source) for source in Source]}


def or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What fits the schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def text_up_to(length: int) -> dict[str, Any]:
    """A text of one character or more."""
    return {"type": "string", "minLength": 1, "maxLength": length}


def closed(properties: Mapping[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
    }


def word(*words: str) -> dict[str, Any]:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def listed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An array of what fits the schema."""
    return {"type": "array", "items": schema}


def named(name: str) -> dict[str, str]:
    """What fits the schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}
