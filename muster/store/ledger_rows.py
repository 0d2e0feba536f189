"""Deliveries and outcomes as the rows that the ledger's statements read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from muster.model import Delivery, Outcome
from muster.store.identifier import new_execution_id


def new_row(delivery: Delivery, now: datetime) -> dict[str, Any]:
    """A job as `claim_new` would record it, under a fresh execution id."""
    return {
        "execution_id": new_execution_id(now=now),
        "job_id": delivery.job_id,
        "message_id": delivery.message_id,
        "tenant": delivery.tenant,
        "params": delivery.params,
        "body": delivery.body,
        "priority": delivery.priority,
        "source": delivery.source,
        "scheduled_for": delivery.scheduled_for and delivery.scheduled_for.isoformat(),
        "traceparent": delivery.traceparent,
        "hops": delivery.hops,
        "sent_at": delivery.sent_at and delivery.sent_at.isoformat(),
    }


def outcome_row(outcome: Outcome, now: datetime) -> dict[str, Any]:
    """An outcome as `settle` writes it."""
    return {
        "execution_id": outcome.claim.execution_id,
        "created_at": outcome.claim.created_at.isoformat(),
        "fence": outcome.claim.fence,
        "status": outcome.status,
        "kind": outcome.kind,
        "result": outcome.result,
        "result_ref": outcome.result_ref,
        "error": outcome.error and outcome.error.to_json(at=now),
        "metrics": outcome.metrics or None,
        "delay": outcome.delay.total_seconds(),
        "relay_delay": outcome.relay_delay.total_seconds(),
        "refund": int(outcome.refund),
        "reason": outcome.reason,
    }
