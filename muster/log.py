"""The log: one JSON line per event, by Powertools. ASCII only, so that no character can break a line."""

from __future__ import annotations

import json
import logging
from functools import cache, partial


@cache
def logger(service: str) -> logging.Logger:
    """The process's logger for a component or agent."""
    from aws_lambda_powertools import Logger

    return Logger(  # pyright: ignore[reportReturnType] - Powertools' Logger stands in for a logging.Logger
        service=service,
        json_serializer=partial(json.dumps, default=str, separators=(",", ":")),
        log_uncaught_exceptions=False,
    )
