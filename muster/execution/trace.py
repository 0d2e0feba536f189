"""The trace that an execution belongs to."""

from __future__ import annotations

from muster.message.traceparent import new_traceparent
from muster.model import Claim


def traceparent_of(claim: Claim) -> str:
    """The producer's W3C `traceparent`, or the execution's own where none came."""
    return claim.traceparent or new_traceparent(claim.execution_id)
