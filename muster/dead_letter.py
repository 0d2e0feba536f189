"""The message that a failed execution leaves in its agent's DLQ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.contracts import INLINE_PARAMS_BYTES, DeadLetterAttribute
from muster.message.envelope import envelope
from muster.model import Claim, Failure
from muster.ports import Outgoing

#: Longest reason, in characters.
LONGEST_REASON = 1000


def failure_of(claim: Claim, *, error: Mapping[str, Any], body: str | None) -> Failure:
    """The failure that a worker has just settled under this claim."""
    return Failure(
        execution_id=claim.execution_id,
        created_at=claim.created_at,
        fence=claim.fence,
        agent_id=claim.agent_id,
        job_id=claim.job_id,
        tenant=claim.tenant,
        attempts=claim.attempt,
        params=claim.params,
        config=claim.config,
        body=body,
        error=error,
        priority=claim.priority,
        source=claim.source,
        traceparent=claim.traceparent,
        hops=claim.hops,
    )


def dead_letter(failure: Failure) -> Outgoing:
    """The failed job as a message that, moved back to its lane, is its redrive.

    What could not be understood goes as it came. Copies of one failure carry the same
    `muster-dead-letter` attribute.
    """
    return Outgoing(
        body=failure.body if failure.body is not None else job_envelope(failure),
        attributes={
            DeadLetterAttribute.DEAD_LETTER: f"{failure.execution_id}:{failure.fence}",
            DeadLetterAttribute.AGENT: failure.agent_id,
            DeadLetterAttribute.JOB: failure.job_id,
            DeadLetterAttribute.REASON: f"{failure.error['code']}: {failure.error['message']}"[
                :LONGEST_REASON
            ],
            DeadLetterAttribute.ERROR_CLASS: str(failure.error.get("class") or ""),
            DeadLetterAttribute.ATTEMPTS: str(failure.attempts),
        },
    )


def job_envelope(failure: Failure) -> str:
    """The envelope of the job; params that are too large for a message stay in the row."""
    whole = envelope(
        job_id=failure.job_id,
        agent_id=failure.agent_id,
        tenant=failure.tenant,
        params=failure.params,
        config=failure.config,
        priority=failure.priority,
        source=failure.source,
        traceparent=failure.traceparent,
        hops=failure.hops,
    )
    if len(whole) <= INLINE_PARAMS_BYTES:
        return whole
    return envelope(
        job_id=failure.job_id,
        agent_id=failure.agent_id,
        tenant=failure.tenant,
        priority=failure.priority,
        source=failure.source,
        traceparent=failure.traceparent,
        hops=failure.hops,
    )
