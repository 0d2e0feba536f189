"""The ledger's answers as judgements."""

from __future__ import annotations

from datetime import datetime, timedelta

from muster.model import Claim, Claimant, Delivery, Failure, Judgement, Status, Verdict
from muster.store.connection import Row


def new_judgement(
    delivery: Delivery,
    execution_id: str,
    status: str,
    *,
    created_at: datetime,
    lease_expires_at: datetime,
    claimant: Claimant,
) -> Judgement:
    """What `claim_new` says of its delivery; the rest of the row is what was sent."""
    if status == Status.CANCELLED:
        return Judgement(message_id=delivery.message_id, verdict=Verdict.CANCELLED)
    claim = Claim(
        execution_id=execution_id,
        created_at=created_at,
        agent_id=claimant.agent_id,
        job_id=delivery.job_id,
        tenant=delivery.tenant,
        agent_version=claimant.agent_version,
        fence=1,
        attempt=1,
        max_attempts=claimant.max_attempts,
        params=delivery.params or {},
        config=delivery.config,
        state=None,
        suspect=False,
        message_id=delivery.message_id,
        priority=delivery.priority,
        source=delivery.source,
        traceparent=delivery.traceparent,
        hops=delivery.hops,
        queued_at=delivery.sent_at or created_at,
        lease_expires_at=lease_expires_at,
    )
    return Judgement(message_id=delivery.message_id, verdict=Verdict.TAKEN, claim=claim)


def known_judgement(delivery: Delivery, row: Row, agent_id: str) -> Judgement:
    """What a row of `claim_known` says of its delivery."""
    (
        job_id, verdict, execution_id, created_at, status, fence, attempts, max_attempts, version,
        tenant, params, config, state, suspect, dlq_pending, error, priority, source, traceparent, hops,
        queued_at, lease_expires_at, wait_seconds,
    ) = row  # fmt: skip
    claim = failure = None
    if verdict in ("held", "taken", "redriven"):
        verdict = Verdict.TAKEN
        claim = Claim(
            execution_id=execution_id,
            created_at=created_at,
            agent_id=agent_id,
            job_id=job_id,
            tenant=tenant,
            agent_version=version,
            fence=fence,
            attempt=attempts,
            max_attempts=max_attempts,
            params=params,
            config=config,
            state=state,
            suspect=suspect,
            message_id=delivery.message_id,
            priority=priority,
            source=source,
            traceparent=traceparent,
            hops=hops,
            queued_at=queued_at,
            lease_expires_at=lease_expires_at,
        )
    elif status == Status.FAILED and dlq_pending:
        failure = Failure(
            execution_id=execution_id,
            created_at=created_at,
            fence=fence,
            agent_id=agent_id,
            job_id=job_id,
            tenant=tenant,
            attempts=attempts,
            params=params,
            config=config,
            body=delivery.body,
            error=error,
            priority=priority,
            source=source,
            traceparent=traceparent,
            hops=hops,
        )
    return Judgement(
        message_id=delivery.message_id,
        verdict=Verdict(verdict),
        claim=claim,
        failure=failure,
        wait=timedelta(seconds=max(0.0, wait_seconds)),
    )
