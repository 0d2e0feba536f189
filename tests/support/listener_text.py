"""What a listener tells Prometheus after a little work, without its threads and its ledger."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import cast

from ecs_listener.gauges import tell_gauges
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.parts import Parts
from ecs_listener.telling import Telling
from muster.contracts import MetricName


class _Held(list[int]):
    running = 1


def listener_text() -> str:
    """Its text: gauges, what it counted, and what the process used."""
    metrics = ListenerMetrics()
    parts = SimpleNamespace(
        holdings=_Held([0]),
        settlement=SimpleNamespace(waiting=0),
        breaker=SimpleNamespace(closed=True),
        protection=SimpleNamespace(on=False),
        presence=SimpleNamespace(leads=True),
    )
    tell_gauges(metrics, cast("Parts", parts), concurrency=4)
    Telling(log=logging.getLogger(__name__), metrics=metrics).received("normal", 2)
    metrics.count(MetricName.COMPLETED)
    metrics.milliseconds(MetricName.DURATION, 1500)
    return metrics.render(agent="counter", version="1", instance="i-1")
