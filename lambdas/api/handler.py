"""Entry point of the HTTP API: API Gateway calls it once for each call, with payload 2.0."""

from __future__ import annotations

from typing import Any

from muster.api.host import application


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one call."""
    return application().answer(event, context)
