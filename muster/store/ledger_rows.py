"""Deliveries and outcomes as the rows that the ledger's statements read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from muster.message.envelope import DEFAULT_PRIORITY, DEFAULT_TENANT
from muster.model import Delivery, Outcome, Source, Status
from muster.store.identifier import new_execution_ids

# Jobs that were claimed together share it.
_text = lru_cache(maxsize=256)(datetime.isoformat)


def new_rows(deliveries: Sequence[Delivery], now: datetime) -> list[dict[str, Any]]:
    """Jobs as `claim_new` would record them, under fresh execution ids.

    What is absent is null there, or what it is for most jobs: each key costs both sides.
    """
    ids = new_execution_ids(len(deliveries), now=now)
    return [_new_row(delivery, own) for delivery, own in zip(deliveries, ids, strict=True)]


def _new_row(delivery: Delivery, execution_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "execution_id": execution_id,
        "job_id": delivery.job_id,
        "message_id": delivery.message_id,
        "params": delivery.params,
    }
    if delivery.tenant != DEFAULT_TENANT:
        row["tenant"] = delivery.tenant
    if delivery.priority != DEFAULT_PRIORITY:
        row["priority"] = delivery.priority
    if delivery.source != Source.QUEUE:
        row["source"] = delivery.source
    if delivery.config is not None:
        row["config"] = delivery.config
    if delivery.body is not None:
        row["body"] = delivery.body
    if delivery.scheduled_for is not None:
        row["scheduled_for"] = delivery.scheduled_for.isoformat()
    if delivery.traceparent is not None:
        row["traceparent"] = delivery.traceparent
    if delivery.hops:
        row["hops"] = delivery.hops
    if delivery.sent_at is not None:
        row["sent_at"] = delivery.sent_at.isoformat()
    return row


def outcome_row(outcome: Outcome, now: datetime) -> dict[str, Any]:
    """An outcome as `settle` writes it. What is absent is null there; a `kind`, the same as the status."""
    claim = outcome.claim
    row: dict[str, Any] = {
        "execution_id": claim.execution_id,
        "created_at": _text(claim.created_at),
        "fence": claim.fence,
        "status": outcome.status,
    }
    if outcome.kind != outcome.status:
        row["kind"] = outcome.kind
    if outcome.result is not None:
        row["result"] = outcome.result
    if outcome.result_ref is not None:
        row["result_ref"] = outcome.result_ref
    if outcome.metrics:
        row["metrics"] = outcome.metrics
    if outcome.config_version is not None:
        row["config_version"] = outcome.config_version
    if outcome.error is not None:
        row["error"] = outcome.error.to_json(at=now)
    if outcome.reason is not None:
        row["reason"] = outcome.reason
    if outcome.log is not None:
        row["log"] = outcome.log
    if outcome.status is Status.PENDING:
        row["delay"] = outcome.delay.total_seconds()
        row["relay_delay"] = outcome.relay_delay.total_seconds()
        row["refund"] = int(outcome.refund)
    return row
