"""Counts of one listener, for Prometheus and, once a minute, for CloudWatch. Labels come from fixed sets."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Protocol

from ecs_listener.own_use import cpu_seconds, resident_bytes
from muster.contracts import MetricName

#: Upper bounds of the histogram of run times, in seconds.
BUCKETS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0)

#: Durations of one name that are passed on to CloudWatch each minute; beyond, the last ones.
MOST_SAMPLES = 100

#: What the counters of the execution core are called here.
_JOBS = {
    MetricName.COMPLETED: "completed",
    MetricName.FAILED: "failed",
    MetricName.RETRIED: "retried",
    MetricName.CANCELLED: "cancelled",
    MetricName.FENCED: "fenced",
    MetricName.DUPLICATES: "duplicate",
    MetricName.DEAD_LETTERS: "dead_lettered",
}

Labels = tuple[tuple[str, str], ...]


class Sink(Protocol):
    """Where CloudWatch's metrics are written."""

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a count."""
        ...

    def milliseconds(self, name: str, *values: float) -> None:
        """Note durations."""
        ...

    def flush(self) -> None:
        """Write what was gathered."""
        ...


class ListenerMetrics:
    """Counters, gauges and one histogram; used by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._gauges: dict[str, Callable[[], float]] = {}
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._cloud_counts: dict[str, float] = defaultdict(float)
        self._cloud_times: dict[str, deque[float]] = defaultdict(_samples)

    def count(self, name: str, amount: float = 1) -> None:
        """See `muster.metrics.Metrics.count`."""
        with self._lock:
            self._cloud_counts[name] += amount
            self._counters["jobs_total"][("outcome", _JOBS.get(name, "other")),] += amount

    def milliseconds(self, name: str, *values: float) -> None:
        """See `muster.metrics.Metrics.milliseconds`."""
        with self._lock:
            self._cloud_times[name].extend(values)
            if name == MetricName.DURATION:
                for value in values:
                    self._buckets[bisect_left(BUCKETS, value / 1000)] += 1
                    self._seconds += value / 1000

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter of the listener's own; every label's value comes from a small fixed set."""
        with self._lock:
            self._counters[name][tuple(sorted(labels.items()))] += amount

    def cloud(self, name: str, amount: float = 1) -> None:
        """Add to a count that only CloudWatch is told."""
        with self._lock:
            self._cloud_counts[name] += amount

    def gauge(self, name: str, value: Callable[[], float]) -> None:
        """Something to be looked at whenever somebody asks."""
        self._gauges[name] = value

    def flush_to(self, sink: Sink) -> None:
        """Pass on what was counted since the last time."""
        with self._lock:
            counts, self._cloud_counts = self._cloud_counts, defaultdict(float)
            times, self._cloud_times = self._cloud_times, defaultdict(_samples)
        for name, amount in counts.items():
            sink.count(name, amount)
        for name, values in times.items():
            sink.milliseconds(name, *values)
        sink.flush()

    def render(self, **labels: str) -> str:
        """The text that Prometheus reads; `labels` describe the process."""
        info = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
        lines = ["# TYPE muster_listener_info gauge", f"muster_listener_info{{{info}}} 1"]
        for name, read in sorted(self._gauges.items()):
            lines += [f"# TYPE muster_listener_{name} gauge", f"muster_listener_{name} {read():g}"]
        with self._lock:
            lines += self._rendered_counters()
            lines += self._rendered_histogram()
        # By the names that Prometheus's own libraries give them.
        lines += [
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {cpu_seconds():.3f}",
            "# TYPE process_resident_memory_bytes gauge",
            f"process_resident_memory_bytes {resident_bytes():.0f}",
        ]
        return "\n".join(lines) + "\n"

    def _rendered_counters(self) -> Iterator[str]:
        for name, values in sorted(self._counters.items()):
            yield f"# TYPE muster_listener_{name} counter"
            for labels, amount in sorted(values.items()):
                shown = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
                yield f"muster_listener_{name}{{{shown}}} {amount:g}"

    def _rendered_histogram(self) -> Iterator[str]:
        name = "muster_listener_run_seconds"
        yield f"# TYPE {name} histogram"
        total = 0
        for bound, count in zip((*BUCKETS, None), self._buckets, strict=True):
            total += count
            yield f'{name}_bucket{{le="{"+Inf" if bound is None else f"{bound:g}"}"}} {total}'
        yield f"{name}_sum {self._seconds:g}"
        yield f"{name}_count {total}"


def _samples() -> deque[float]:
    return deque(maxlen=MOST_SAMPLES)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
