"""Entry point of the dispatcher: EventBridge Scheduler calls it once a minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from muster.dispatcher.host import dispatcher_host


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run one tick and say what it did."""
    del event  # the tick looks at the ledger, not at who called it
    time_left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    return dispatcher_host().tick(holder=context.aws_request_id, time_left=time_left)
