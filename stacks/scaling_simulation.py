"""What a service's scaling does with a load: one pure function over the values that its construct deploys.

    python -m stacks.scaling_simulation --concurrency 20 --batch 10 --jobs 200 --seconds 600

Everything that takes time in between is in it: the dispatcher's minute, the way of a metric to CloudWatch,
the minute of an alarm, the start of a task. ECS stops whom it likes, but for tasks that are protected.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stacks.containers import STOP_TIMEOUT
from stacks.scaling import LEAST_WANTED, MEASURED_EVERY, Scaling

#: Seconds of one step of the simulation.
STEP = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """One job: when it can be received, how long an attempt takes, and the waits before further attempts."""

    arrives: int
    seconds: int
    #: For so long before that SQS holds it back, as it does with what a schedule sends.
    held: int = 0
    retries_after: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What surrounds the policy. Times in seconds."""

    #: From the decision for a task until it receives.
    start: int = 60
    #: From a measurement until alarms see it.
    ingest: int = 30
    #: Moment of the dispatcher's tick in its minute; alarms are evaluated at the full minute.
    tick_at: int = 20
    #: For how long a task stays protected when its last job has ended.
    linger: int = 15
    #: False: tasks that are busy are stopped like others.
    protection: bool = True
    #: From, to: there the dispatcher measures nothing.
    unmeasured: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The service at the end of a step."""

    at: int
    desired: int
    tasks: int
    waiting: int
    running: int


@dataclass(kw_only=True, slots=True)
class Outcome:
    """What came of a load."""

    samples: list[Sample] = field(default_factory=list[Sample])
    #: For each attempt: seconds from when it could be received until it ran.
    waits: list[int] = field(default_factory=list[int])
    completed: int = 0
    #: Jobs that ran when their task was stopped, and longer than a stopped task may.
    interrupted: int = 0
    #: Tasks that were started.
    starts: int = 0

    @property
    def most_tasks(self) -> int:
        return max(sample.tasks for sample in self.samples)

    @property
    def most_running(self) -> int:
        return max(sample.running for sample in self.samples)


@dataclass(kw_only=True, slots=True)
class _Task:
    ready: int
    idle_since: int
    #: (when it ends, the job, which attempt)
    jobs: list[tuple[int, Load, int]] = field(default_factory=list[tuple[int, Load, int]])

    def protected(self, now: int, world: World) -> bool:
        lingers = self.idle_since > self.ready and now - self.idle_since < world.linger
        return world.protection and (bool(self.jobs) or lingers)


def simulate(
    scaling: Scaling, loads: Iterable[Load], *, until: int, world: World | None = None
) -> Outcome:
    """Let a load come upon a service that begins without a task; `until` in seconds."""
    run = _Run(scaling=scaling, world=world or World(), loads=list(loads))
    for now in range(0, until + 1, STEP):
        run.step(now)
    return run.outcome


class _Run:
    def __init__(self, *, scaling: Scaling, world: World, loads: Sequence[Load]) -> None:
        self._scaling = scaling
        self._world = world
        #: (since when it can be received, the job, which attempt)
        self._queue = [(load.arrives, load, 0) for load in loads]
        self._tasks: list[_Task] = []
        self._desired = 0
        #: (when it was measured, demand)
        self._measured: list[tuple[int, int]] = []
        self.outcome = Outcome()

    def step(self, now: int) -> None:
        self._end(now)
        self._begin(now)
        if now % MEASURED_EVERY == self._world.tick_at:
            self._measure(now)
        if now % 60 == 0:
            self._evaluate(now)
        self._reconcile(now)
        self.outcome.samples.append(
            Sample(
                at=now,
                desired=self._desired,
                tasks=len(self._tasks),
                waiting=self._waiting(now),
                running=self._running(),
            )
        )

    def _end(self, now: int) -> None:
        for task in self._tasks:
            for entry in [entry for entry in task.jobs if entry[0] <= now]:
                task.jobs.remove(entry)
                task.idle_since = now
                _, load, attempt = entry
                if attempt < len(load.retries_after):
                    self._queue.append((now + load.retries_after[attempt], load, attempt + 1))
                else:
                    self.outcome.completed += 1

    def _begin(self, now: int) -> None:
        self._queue.sort(key=lambda entry: entry[0])
        for task in self._tasks:
            while (
                task.ready <= now
                and len(task.jobs) < self._scaling.jobs_per_task
                and self._queue
                and self._queue[0][0] <= now
            ):
                since, load, attempt = self._queue.pop(0)
                self.outcome.waits.append(now - since)
                task.jobs.append((now + load.seconds, load, attempt))

    def _measure(self, now: int) -> None:
        first, last = self._world.unmeasured
        if not first <= now < last:
            held = sum(
                load.arrives - load.held <= now < since for since, load, n in self._queue if not n
            )
            self._measured.append((now, held + self._waiting(now) + self._running()))

    def _evaluate(self, now: int) -> None:
        """Both alarms, each over its own sliding window; without data they stay as they are."""
        held = self._highest(now, self._scaling.hold_seconds)
        if held is not None and self._scaling.wanted(held) >= LEAST_WANTED:
            self._desired = self._scaling.capacity(self._scaling.wanted(held))
        quiet = self._highest(now, self._scaling.idle_seconds)
        if quiet is not None and self._scaling.wanted(quiet) < LEAST_WANTED:
            self._desired = 0

    def _highest(self, now: int, window: int) -> int | None:
        seen = [
            demand
            for at, demand in self._measured
            if now - window < at and at + self._world.ingest <= now
        ]
        return max(seen, default=None)

    def _reconcile(self, now: int) -> None:
        while len(self._tasks) < self._desired:
            self._tasks.append(_Task(ready=now + self._world.start, idle_since=now))
            self.outcome.starts += 1
        for task in list(self._tasks):
            if len(self._tasks) <= self._desired:
                break
            if not task.protected(now, self._world):
                self._tasks.remove(task)
                self._hand_back(task, now)

    def _hand_back(self, task: _Task, now: int) -> None:
        for ends, load, attempt in task.jobs:
            if ends - now > STOP_TIMEOUT:
                self.outcome.interrupted += 1
            self._queue.append((now, load, attempt))

    def _waiting(self, now: int) -> int:
        return sum(since <= now for since, _, _ in self._queue)

    def _running(self) -> int:
        return sum(len(task.jobs) for task in self._tasks)


def main() -> None:
    """Print what a burst of equal jobs does to a service, minute by minute."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name, default in (("concurrency", 20), ("batch", 10), ("jobs", 100), ("seconds", 300)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    scaling = Scaling(
        jobs_per_task=min(given.batch, given.concurrency),
        most_tasks=max(1, given.concurrency // given.batch),
    )
    loads = [Load(arrives=0, seconds=given.seconds)] * given.jobs
    rounds = -(-given.jobs // (scaling.jobs_per_task * scaling.most_tasks))
    outcome = simulate(scaling, loads, until=rounds * given.seconds + 2400)
    columns = ("minute", "desired", "tasks", "waiting", "running")
    rows = [
        (sample.at // 60, sample.desired, sample.tasks, sample.waiting, sample.running)
        for sample in outcome.samples[:: 60 // STEP]
    ]
    for row in (columns, *rows):
        sys.stdout.write("".join(f"{cell!s:>9}" for cell in row) + "\n")


if __name__ == "__main__":
    main()
