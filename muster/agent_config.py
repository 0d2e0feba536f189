"""What a job's config is made of, and which part wins. Pure.

    the manifest's defaults  <-  the operator's changes (AgentConfig)  <-  the request

Each part sets whole top-level keys: a table in a stronger part replaces the weaker one's, the two are not
mixed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from muster.model import JsonObject

#: Version of an AgentConfig that nobody has changed.
UNCHANGED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentConfig:
    """One version of an operator's changes: all of them, not what it added to the version before."""

    version: int = UNCHANGED
    changes: JsonObject = field(default_factory=dict[str, Any])


def effective(defaults: JsonObject, changes: JsonObject, request: JsonObject | None) -> JsonObject:
    """The config by precedence: request > AgentConfig > defaults."""
    return {**defaults, **changes, **(request or {})}
