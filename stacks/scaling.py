"""How many tasks a listener's service has: plain values, from which construct and simulator are made.

The dispatcher measures an agent's demand once a minute: jobs that wait, fall due within minutes, or run.
What is wanted is demand over the jobs of one task, so that no task has a backlog; the service is given
exactly that number. No count of tasks goes into it: tasks that are still starting are not asked for twice,
and zero is a number like any other. A peak is held for a while, so that a short pause does not stop what
would be started again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from muster.manifest import Manifest

#: Seconds between two measurements of the dispatcher.
MEASURED_EVERY = 60

#: Seconds for which the highest demand counts.
HOLD = 300

#: Seconds without any demand after which the last task goes.
IDLE = 900

#: Wanted tasks from which on there is something to do.
LEAST_WANTED = 1

#: AWS: most step adjustments of one policy.
MAX_STEPS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """`capacity` while at least `above`, and fewer than `below`, tasks beyond `LEAST_WANTED` are wanted."""

    above: int
    #: None: there is no end.
    below: int | None
    capacity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """The scaling of one service."""

    #: Jobs at once in one task.
    jobs_per_task: int
    #: Never more tasks than this.
    most_tasks: int
    hold_seconds: int = HOLD
    idle_seconds: int = IDLE

    def wanted(self, demand: float) -> int:
        """Tasks that leave no job waiting; the metric math of the alarms says the same."""
        return math.ceil(demand / self.jobs_per_task)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Capacity by wanted tasks, from one task to the most; rounded up where AWS takes too few steps."""
        capacities = _capacities(self.most_tasks)
        return tuple(
            Step(
                above=before,
                below=capacity if capacity < self.most_tasks else None,
                capacity=capacity,
            )
            for before, capacity in zip((0, *capacities), capacities, strict=False)
        )

    def capacity(self, wanted: float) -> int:
        """What the steps give to so many wanted tasks; 0 below `LEAST_WANTED`."""
        breach = wanted - LEAST_WANTED
        for step in self.steps:
            if step.above <= breach and (step.below is None or breach < step.below):
                return step.capacity
        return 0


def most_tasks(manifest: Manifest) -> int:
    """Tasks that together run no more jobs than the manifest's `concurrency`."""
    return max(1, manifest.concurrency // manifest.jobs_per_task)


def _capacities(most: int) -> tuple[int, ...]:
    """Rising numbers of tasks from 1 to `most`, one by one while that is possible, then by a factor."""
    if most <= MAX_STEPS:
        return tuple(range(1, most + 1))
    return tuple(dict.fromkeys(_geometric(most)))


def _geometric(most: int) -> Iterator[int]:
    last = MAX_STEPS - 1
    for number in range(MAX_STEPS):
        yield max(number + 1, round(most ** (number / last)))
