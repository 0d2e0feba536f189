"""CloudWatch metrics in the embedded metric format (one JSON line on stdout), by Powertools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from muster.contracts import METRICS_NAMESPACE, metric_dimensions

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
        AmazonCloudWatchEMFProvider,
    )


class Metrics(Protocol):
    """Counts and durations of one agent."""

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a count."""
        ...

    def milliseconds(self, name: str, *values: float) -> None:
        """Note durations."""
        ...


class MetricsByAgent:
    """The metrics of every agent, and of single lanes, that one process counts for."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._known: dict[tuple[str, str | None], EmbeddedMetrics] = {}

    def __call__(self, agent_id: str, lane: str | None = None) -> EmbeddedMetrics:
        """Those of an agent, or of one of its lanes."""
        fresh = EmbeddedMetrics(stage=self._stage, agent=agent_id, lane=lane)
        return self._known.setdefault((agent_id, lane), fresh)

    def flush(self) -> None:
        """Write what was gathered of all of them."""
        for metrics in self._known.values():
            metrics.flush()


class EmbeddedMetrics:
    """Metrics with the dimensions `stage` and `agent`, and `lane` if given; written out by `flush`."""

    def __init__(self, *, stage: str, agent: str, lane: str | None = None) -> None:
        self._dimensions = metric_dimensions(stage=stage, agent=agent, lane=lane)
        self._provider: AmazonCloudWatchEMFProvider | None = None

    def count(self, name: str, amount: float = 1) -> None:
        """See `Metrics.count`."""
        self._add(name, "Count", amount)

    def milliseconds(self, name: str, *values: float) -> None:
        """See `Metrics.milliseconds`."""
        for value in values:
            self._add(name, "Milliseconds", value)

    def gauge(self, name: str, value: float) -> None:
        """Note how many there are now."""
        self._add(name, "Count", value)

    def seconds(self, name: str, value: float) -> None:
        """Note an age."""
        self._add(name, "Seconds", value)

    def flush(self) -> None:
        """Write what was gathered; nothing when there is nothing."""
        provider, self._provider = self._provider, None
        if provider is not None:
            provider.flush_metrics()

    def _add(self, name: str, unit: str, value: float) -> None:
        if self._provider is None:
            from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
                AmazonCloudWatchEMFProvider,
            )

            self._provider = AmazonCloudWatchEMFProvider(
                metric_set={}, dimension_set=dict(self._dimensions), namespace=METRICS_NAMESPACE
            )
        self._provider.add_metric(name=name, unit=unit, value=value)
