"""The route that Prometheus scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.metrics.exposition import MEDIA_TYPE, WINDOW, Sample, exposition
from muster.api.route import Route
from muster.keys.access import Scope
from muster.store.statements import statements

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services


def metrics(call: Call, services: Services) -> Answer:
    """How the tenant's agents and jobs are at this moment."""
    rows = services.database.run(
        statements("prometheus")["samples"],
        {"tenant": call.tenant, "window_seconds": WINDOW.total_seconds()},
    )
    samples = [Sample(name=name, labels=labels, value=value) for name, labels, value in rows]
    return Answer(value=exposition(samples), media_type=MEDIA_TYPE)


METRICS = (
    Route(
        method="GET",
        path="/metrics",
        name="metrics",
        summary="How agents and jobs are, for Prometheus.",
        scope=Scope.JOBS_READ,
        act=metrics,
        answers={200: "Metrics"},
        media_type="text/plain",
    ),
)
