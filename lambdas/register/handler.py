"""Answers CloudFormation's custom resources behind `cr.Provider`: migrates the schema, registers agents."""

from __future__ import annotations

from typing import Any, Protocol


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops this invocation."""
        ...


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Answer one request; raising tells CloudFormation that it failed, and the message why."""
    from muster.registration.host import registration_service

    seconds = context.get_remaining_time_in_millis() / 1000
    return registration_service().answer(event, seconds=seconds)
