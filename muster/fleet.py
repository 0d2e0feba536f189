"""The words by which instances are described. Unknown ones are refused wherever they come from."""

from __future__ import annotations

#: What an instance is for; the union of what the coordinators before us documented and accepted.
AGENT_TYPES = (
    "worker", "provider", "consumer", "general", "coordinator", "specialist", "monitor", "gateway",
    "orchestrator", "inference", "training", "processing",
)  # fmt: skip

#: What an instance can say of itself, or an operator of it.
REPORTS = (
    "active", "busy", "inactive", "maintenance", "error", "unhealthy", "spawning", "terminating",
)  # fmt: skip

#: What an instance can be; `stale`: it has been silent for too long.
CONDITIONS = (*REPORTS, "stale")

#: Seconds between heartbeats, and of silence after which an instance is stale, unless it says otherwise.
HEARTBEAT_SECONDS = 30
STALE_SECONDS = 120

#: An instance takes routed work while it is at least this healthy.
HEALTHY = 0.5


def staleness_problem(heartbeat_seconds: int, stale_seconds: int) -> str | None:
    """What is wrong with the two together; None: nothing."""
    if stale_seconds > 2 * heartbeat_seconds:
        return None
    return (
        "stale_seconds must be more than twice heartbeat_seconds, so that one lost heartbeat is not taken "
        f"for an end: above {2 * heartbeat_seconds}"
    )
