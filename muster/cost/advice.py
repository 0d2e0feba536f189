"""What an agent could be changed to, to cost less; told, never done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from muster.cost.prices import Prices
from muster.cost.usage import Size, Usage, per_second

#: Jobs that have to be seen before anything is advised.
ENOUGH_JOBS = 100

#: What is kept free above the most that was ever used.
_HEADROOM = 1.5

#: Memory is advised in steps of this, in MiB, and never below.
_STEP = 128

#: Longest timeout, in seconds, that a function may have.
_LAMBDA_SECONDS = 900

#: Smallest task of Fargate: units of cpu and MiB.
_SMALLEST_TASK = (256, 512)


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What was seen of an agent's jobs in a period."""

    jobs: int
    usage: Usage
    #: Most memory that one attempt used, in MiB; 0: not measured.
    peak_memory: int
    #: Seconds of the longest attempt.
    longest: float
    #: Seconds of the period.
    period: float


def advice(observed: Observed, size: Size, prices: Prices) -> Iterator[str]:
    """Sentences, each with the figure behind it."""
    if observed.jobs < ENOUGH_JOBS:
        return
    yield from _memory(observed, size, prices)
    yield from _compute(observed, size, prices)


def _memory(observed: Observed, size: Size, prices: Prices) -> Iterator[str]:
    if size.compute != "lambda" or not observed.peak_memory:
        return
    enough = max(_STEP, -(-int(observed.peak_memory * _HEADROOM) // _STEP) * _STEP)
    if enough < size.memory:
        less = per_second(size, prices) - per_second(replace(size, memory=enough), prices)
        yield (
            f"memory: at most {observed.peak_memory} of {size.memory} MiB were used; {enough} would cost "
            f"{less * observed.usage.seconds:.2f} $ less, if it runs as long on less CPU"
        )
    elif observed.peak_memory > 0.9 * size.memory:
        yield f"memory: {observed.peak_memory} of {size.memory} MiB were used; raise it before it runs out"


def _compute(observed: Observed, size: Size, prices: Prices) -> Iterator[str]:
    """Lambda is paid by the second of work, a task by the second that it stands."""
    busy = observed.usage.seconds / observed.period
    cpu, least = _SMALLEST_TASK
    task = replace(size, compute="fargate", cpu=cpu, memory=max(least, size.memory), jobs_at_once=1)
    function = replace(size, compute="lambda", jobs_at_once=1)
    even = per_second(task, prices) / per_second(function, prices)
    share = (
        f"busy {busy:.1%} of the time, and a task costs as much as a function from {even:.0%} on"
    )
    if size.compute == "lambda" and busy > even:
        yield f'compute: {share}; `compute = "fargate"` would cost less'
    elif size.compute == "fargate" and busy < even and observed.longest < _LAMBDA_SECONDS / 2:
        yield (
            f'compute: {share}; `compute = "lambda"` may cost less, unless the service mostly rests at zero'
        )
