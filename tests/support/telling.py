"""What a worker tells, kept for looking at: metrics and log records."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from typing import Any


class MemoryMetrics:
    """Metrics in this process."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.durations: defaultdict[str, list[float]] = defaultdict(list)
        self.gauges: dict[str, float] = {}

    def of_lane(self, lane: str | None) -> MemoryMetrics | LaneMetrics:
        """These, or those of one lane."""
        return self if lane is None else LaneMetrics(self, lane)

    def count(self, name: str, amount: float = 1) -> None:
        self.counts[name] += int(amount)

    def milliseconds(self, name: str, *values: float) -> None:
        self.durations[name].extend(values)

    def gauge(self, name: str, value: float) -> None:
        self.gauges[name] = value

    def seconds(self, name: str, value: float) -> None:
        self.gauges[name] = value

    def flush(self) -> None:
        """Nothing is written anywhere."""


class LaneMetrics:
    """Gauges of a lane, kept among the others with the lane behind their names."""

    def __init__(self, metrics: MemoryMetrics, lane: str) -> None:
        self._metrics = metrics
        self._lane = lane

    def gauge(self, name: str, value: float) -> None:
        self._metrics.gauge(f"{name} {self._lane}", value)


class MemoryLog(logging.Handler):
    """Log records in this process; `logger` writes to it and nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []
        self.logger = logging.getLogger(f"tests.{id(self)}")
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = False
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append({**record.__dict__, "text": record.getMessage()})

    def of(self, execution_id: str) -> list[str]:
        """What was said of one execution."""
        return [r["text"] for r in self.records if r.get("execution") == execution_id]

    def everything(self) -> str:
        """All that was said, for looking for what must not be said."""
        return "\n".join(str(record) for record in self.records)
