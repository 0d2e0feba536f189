"""Watches of the HTTP API."""

from __future__ import annotations

from datetime import timedelta

from stacks.watch import Series, Urgency, Watch

#: Answers of 500 and above within five minutes, twice on end.
ERRORS = 5

#: Of the slowest hundredth.
SLOW = timedelta(seconds=5)


def api(api_id: str) -> tuple[Watch, ...]:
    """Errors and latency, as API Gateway sees them."""

    def series(name: str, statistic: str) -> dict[str, Series]:
        dimensions = {"ApiId": api_id}
        watched = Series(
            namespace="AWS/ApiGateway",
            name=name,
            dimensions=dimensions,
            statistic=statistic,
            minutes=5,
        )
        return {"watched": watched}

    return (
        Watch(
            name="api-errors",
            says="answers with errors of its own.",
            urgency=Urgency.PAGE,
            series=series("5xx", "Sum"),
            at_least=ERRORS,
            periods=2,
        ),
        Watch(
            name="api-latency",
            says="is slow.",
            urgency=Urgency.TICKET,
            series=series("Latency", "p99"),
            at_least=1000 * SLOW.total_seconds(),
            periods=3,
        ),
    )
