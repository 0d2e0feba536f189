"""The JSON Schemas of short-lived tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.shape import TEXT, TIME, closed
from muster.api.tokens.issuing import LONGEST, SHORTEST, grantable

_SCOPES = {
    "type": "array",
    "minItems": 1,
    "maxItems": 20,
    "items": {"type": "string", "enum": grantable()},
}

TOKEN_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "TokenRequest": closed(
        {
            "scopes": _SCOPES,
            "lifetime_seconds": {"type": "integer", "minimum": SHORTEST, "maximum": LONGEST},
        },
        optional=("scopes", "lifetime_seconds"),
    ),
    "Token": closed(
        {
            "token": TEXT,
            "token_type": {"const": "Bearer"},
            "expires_at": TIME,
            "scopes": {"type": "array", "items": TEXT},
        }
    ),
}
