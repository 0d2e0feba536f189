"""Samples as the text that Prometheus reads. Every metric there is stands in `HELP`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

#: Counts and latencies are of this last while: the ledger forgets, so a count since ever could not be kept.
WINDOW = timedelta(minutes=5)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_RECENT = f"in the last {WINDOW.total_seconds() / 60:.0f} minutes"

#: Every metric is a gauge.
HELP: Mapping[str, str] = {
    "muster_agents": "Registered agents.",
    "muster_instances": "Processes that serve an agent, by what they said of themselves last.",
    "muster_instance_load": "Jobs at once in the running processes of an agent: the least, mean and most.",
    "muster_queue_messages": "Messages on an agent's queues, as the dispatcher measured them last.",
    "muster_jobs_pending": "Executions that wait for a worker.",
    "muster_jobs_running": "Executions that run.",
    "muster_job_oldest_seconds": "Age of the oldest execution that has not ended.",
    "muster_jobs_ended": f"Executions that ended {_RECENT}.",
    "muster_jobs_distributed": f"Executions that a worker took up for the first time {_RECENT}.",
    "muster_distribution_seconds": f"Mean time from asking for a job to its first worker {_RECENT}.",
    "muster_job_latency_seconds": f"Time from asking for a job to its completion {_RECENT}.",
    "muster_tasks": f"Tasks without a named agent that were asked for {_RECENT}, by what became of them.",
    "muster_tasks_waiting": "Tasks that no agent could take so far, however old.",
    "muster_job_run_seconds": f"Time that an agent's code took for what ended {_RECENT}.",
    "muster_job_memory_megabytes": f"Most memory that an attempt reported {_RECENT}.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value."""

    name: str
    labels: Mapping[str, str]
    value: float


def exposition(samples: Iterable[Sample]) -> str:
    """The text. Samples of one name come together, in any order.

    Raises:
        KeyError: a sample of a name that is not documented.
    """
    return "".join(_lines(sorted(samples, key=lambda sample: sample.name)))


def _lines(samples: Iterable[Sample]) -> Iterator[str]:
    for name, group in groupby(samples, key=lambda sample: sample.name):
        yield f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n"
        for sample in group:
            labels = ",".join(f'{k}="{_escaped(v)}"' for k, v in sorted(sample.labels.items()))
            yield f"{name}{{{labels}}} {sample.value:.10g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
