"""What a listener is looked at for whenever Prometheus asks."""

from __future__ import annotations

from ecs_listener.metrics import ListenerMetrics
from ecs_listener.parts import Parts


def tell_gauges(metrics: ListenerMetrics, parts: Parts, *, concurrency: int) -> None:
    """Name them all; each is read when it is asked for."""
    metrics.gauge("jobs_running", lambda: parts.holdings.running)
    metrics.gauge("messages_held", lambda: len(parts.holdings))
    metrics.gauge("outcomes_unsettled", lambda: parts.settlement.waiting)
    metrics.gauge("ledger_away", lambda: not parts.breaker.closed)
    metrics.gauge("protected", lambda: parts.protection.on)
    metrics.gauge("leader", lambda: parts.presence.leads)
    metrics.gauge("concurrency", lambda: concurrency)
