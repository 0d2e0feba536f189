"""What a process of its own costs a job, against the standard library's way of having one.

    python -m bench.isolation [--runs N] [--json]

The same function, which does nothing: in the worker's thread, in a child process by `isolation = "process"`,
and in one by `multiprocessing` with `spawn`, which captures no output, kills no daemons and has no deadline.
Whole calls, in rounds that take turns, so that a busy machine slows all alike; the median counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench.report import Bar, Report
from muster.isolation.in_process import InProcess
from muster.isolation.in_thread import InThread
from muster.job import Job

#: Fewest rounds that make a median worth telling.
LEAST_RUNS = 9

#: A job's own process may take no longer than one of `spawn` that imports the agent.
BAR = 1.0

_AGENT = "from muster import agent\n\n@agent\ndef run(job):\n    return {'id': job.id}\n"


def measure(runs: int) -> Report:
    """Time each way of calling a function, in turns."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "nothing"
        folder.mkdir()
        (folder / "agent.py").write_text(_AGENT, "utf-8")
        return _report(_measured(folder, runs=runs))


def spawned(folder: str) -> None:
    """What the child of `spawn` runs."""
    from muster.agent_loader import load_agent

    load_agent(Path(folder))(Job(id="1", params={}))


def _measured(folder: Path, *, runs: int) -> dict[str, list[float]]:
    """Milliseconds of every call."""
    process = InProcess(folder, environ=os.environ)
    thread = InThread(lambda job: {"id": job.id})
    spawn = multiprocessing.get_context("spawn")

    def by_spawn() -> None:
        child = spawn.Process(target=spawned, args=(str(folder),))
        child.start()
        child.join()

    ways: dict[str, Callable[[], object]] = {
        "shared": lambda: thread.call(Job(id="1", params={}), limit=timedelta(seconds=10)),
        "process": lambda: process.call(Job(id="1", params={}), limit=timedelta(seconds=10)),
        "multiprocessing spawn": by_spawn,
    }
    raw: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, call in ways.items():
            started = time.perf_counter()
            call()
            raw[way].append(round((time.perf_counter() - started) * 1000, 3))
    return raw


def _report(raw: dict[str, list[float]]) -> Report:
    medians = {way: round(median(times), 3) for way, times in raw.items()}
    return Report(
        benchmark="isolation",
        raw={"milliseconds": raw},
        figures={f"{way}, ms": figure for way, figure in medians.items()},
        bars=[
            Bar(
                name="a job in its own process, against multiprocessing's spawn",
                value=round(medians["process"] / medians["multiprocessing spawn"], 3),
                unit="ratio",
                bar=BAR,
                better="lower",
            )
        ],
        peers=["multiprocessing spawn"],
    )


def main() -> None:
    """Measure, and report whether or not the bar holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11, help=f"rounds, at least {LEAST_RUNS}")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.runs < LEAST_RUNS:
        parser.error(f"--runs {arguments.runs}: a median needs at least {LEAST_RUNS}")
    measure(arguments.runs).print(as_json=arguments.json)


if __name__ == "__main__":
    main()
