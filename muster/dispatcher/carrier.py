"""Messages that the dispatcher sends for executions that are recorded already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from muster.contracts import INLINE_PARAMS_BYTES
from muster.message.envelope import envelope
from muster.ports import Outgoing


def carrier(
    *,
    delay: timedelta,
    params: Mapping[str, Any] | None,
    job_id: str,
    agent_id: str,
    tenant: str,
    priority: str,
    source: str,
    scheduled_for: datetime | None,
    traceparent: str | None = None,
    hops: int = 0,
) -> Outgoing:
    """An envelope for the job; params that are too large, or None, stay in the row."""
    facts: dict[str, Any] = {
        "job_id": job_id,
        "agent_id": agent_id,
        "tenant": tenant,
        "priority": priority,
        "source": source,
        "scheduled_for": scheduled_for,
        "traceparent": traceparent,
        "hops": hops,
    }
    body = envelope(params=params, **facts)
    if len(body) > INLINE_PARAMS_BYTES:
        body = envelope(**facts)
    return Outgoing(body=body, delay=delay)
