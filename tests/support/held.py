"""Jobs and messages as a listener holds them, without a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from ecs_listener.parcel import Parcel
from muster.execution.arrival import arrivals_of
from muster.model import Claim, Message

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def claim(**changes: Any) -> Claim:
    """The first claim of a job."""
    values: dict[str, Any] = {
        "execution_id": "00000000-0000-0000-0000-000000000001",
        "created_at": NOW,
        "agent_id": "tester",
        "job_id": "j",
        "tenant": "default",
        "agent_version": "1.0.0",
        "fence": 1,
        "attempt": 1,
        "max_attempts": 3,
        "params": {},
        "state": None,
        "suspect": False,
        "message_id": "m",
        "priority": "normal",
        "source": "queue",
        "traceparent": None,
        "hops": 0,
        "queued_at": NOW,
        "lease_expires_at": NOW + timedelta(minutes=2),
    }
    return Claim(**{**values, **changes})


def parcel(number: int = 1, *, lane: str = "normal", visible_at: float = 0.0) -> Parcel:
    """A message that was received."""
    message = Message(message_id=f"m{number}", receipt_handle=f"r{number}", body="{}")
    return Parcel(message=message, lane=lane, queue_url=lane, visible_at=visible_at)


def holdings_of_one_message(holdings: Holdings, jobs: int) -> list[Holding]:
    """Jobs that were claimed for one message, as one of S3 may ask for many."""
    message = parcel().message
    [held] = holdings.receive([message], lane="normal", queue_url="normal", visible_at=100.0)
    holdings.expect(held, jobs)
    [arrival] = arrivals_of(message, agent_id="tester")
    made = [
        Holding(
            claim=claim(execution_id=f"00000000-0000-0000-0000-{number:012}", job_id=f"j{number}"),
            arrival=arrival,
            parcel=held,
            proven_until=100.0,
        )
        for number in range(jobs)
    ]
    holdings.hold(made)
    return made


def holding(
    holdings: Holdings, *, fence: int = 1, proven_until: float = 100.0, visible_at: float = 100.0
) -> Holding:
    """A job that was claimed for a message of its own."""
    message = parcel(fence).message
    [held] = holdings.receive([message], lane="normal", queue_url="normal", visible_at=visible_at)
    holdings.expect(held, 1)
    [arrival] = arrivals_of(message, agent_id="tester")
    made = Holding(
        claim=claim(fence=fence), arrival=arrival, parcel=held, proven_until=proven_until
    )
    holdings.hold([made])
    return made
