"""The registry's row of an agent that runs elsewhere and announces itself, without a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What holds where an announcement says nothing: what the table's own defaults say.
DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "input_schema": None,
    "output_schema": None,
    "config_schema": None,
    "default_config": {},
    "health_check": None,
    "metadata": {},
    "capabilities": (),
    "tags": (),
    "retries": 4,
    "timeout_seconds": 120,
    "concurrency": 20,
}

#: Version of an agent that does not say its own.
NO_VERSION = "0.0.0"


def announced(
    agent_id: str, version: str | None, endpoint: Mapping[str, Any] | None, **said: Any
) -> dict[str, Any]:
    """Columns of `agent_registry`, as every other way of registering sets them.

    Args:
        endpoint: `url`; also `type`, `method`, `authentication`, `timeout` and `retryConfig` where known.
            None: it has none, and its workers ask for their jobs.
        said: `name` and the columns of `DEFAULTS`; None says nothing.
    """
    given = {name: value for name, value in said.items() if value is not None}
    return {
        "agent_id": agent_id,
        "agent_version": version or NO_VERSION,
        "name": given.pop("name", agent_id),
        "compute": "http",
        "endpoint": {} if endpoint is None else {"type": "http", "method": "POST", **endpoint},
        **DEFAULTS,
        **given,
        "manifest": None,
        "manifest_digest": None,
    }
