"""Entry point of every agent on Lambda; which agent it is, its environment says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from muster.lambda_host import lambda_host


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process one SQS event and report partial batch failures."""
    time_left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    return lambda_host().handle(event, time_left=time_left)
