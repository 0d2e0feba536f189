"""What a call is answered with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.api.problem import MEDIA_TYPE, Problem

#: Headers of every answer unless it sets one itself. Nothing may be kept by a cache on its way.
SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


# Made once: `json.dumps` makes one for each call.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Status, JSON (or a text, as it is, of another media type) and headers."""

    status: int = 200
    value: Any
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, problem: Problem) -> Answer:
        """The answer that tells of a problem."""
        return cls(
            status=problem.status,
            value=problem.document(),
            media_type=MEDIA_TYPE,
            headers=problem.headers,
        )

    @property
    def text(self) -> str:
        """The body."""
        if isinstance(self.value, str) and not self.media_type.endswith("json"):
            return self.value
        return _encode(self.value)

    @property
    def all_headers(self) -> dict[str, str]:
        """Its own headers and those of every answer."""
        return {**SECURITY_HEADERS, **self.headers}

    def to_gateway(self) -> dict[str, Any]:
        """What API Gateway is to send (payload 2.0)."""
        return {
            "statusCode": self.status,
            "body": self.text,
            "isBase64Encoded": False,
            "headers": {**self.all_headers, "Content-Type": self.media_type},
            "cookies": [],
        }
