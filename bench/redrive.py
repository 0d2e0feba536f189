"""A redrive is killed by SIGKILL on its way, and again: no job is lost, and none runs twice.

    python -m bench.redrive [--letters N] [--kills K] [--json]

Real parts: the `muster dlq redrive` command in processes of its own, the listener that runs what comes
back, an embedded PostgreSQL, and the benchmarks' SQS endpoint. Every job failed once, by the ledger's own
statements. A dry run comes first, and one more before the run that is not killed: both must say what the
runs then did.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bench.endpoint.client import ROOT, Endpoint, running_endpoint
from bench.failed_jobs import AGENT, fail_jobs, outcome_counts
from bench.ledger_ground import listener_environment, migrated_database

#: Seconds that a letter stays hidden which a run has received: longer than any run takes with it.
_HOLD = 300
#: Seconds that a run which is to be killed takes for all letters, at least: kills come on its way.
_SLOWLY = 15
#: Longest wait for anything, in seconds for each thousand letters, and at least.
_PATIENCE = (60, 120)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where it happens."""

    endpoint: Endpoint
    environment: Mapping[str, str]
    letters: int
    lane: str
    dead_letters: str
    database_url: str
    patience: float

    def redrive(self, *options: str) -> subprocess.Popen[str]:
        """The command, started."""
        command = (sys.executable, "-m", "muster.cli", "dlq", "redrive", AGENT, "--json")
        return subprocess.Popen(
            [*command, "--hold", str(_HOLD), *options],
            cwd=ROOT,
            env={**self.environment, "DATABASE_URL": self.database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def counted(self, *options: str) -> dict[str, Any]:
        """What a command that runs to its end has counted."""
        out, err = self.redrive(*options).communicate(timeout=self.patience)
        if not out:
            raise RuntimeError(f"muster dlq redrive: {err}")
        return json.loads(out)[0]

    def killed_after(self, letters: int) -> int:
        """Start the command and kill it when so many letters are sent in all; how many were."""
        process = self.redrive("--yes", "--rate", f"{self.letters / _SLOWLY:g}")
        sent = 0
        try:
            while process.poll() is None and sent < letters:
                sent = self.endpoint.statistics(self.lane).sent
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the redrive ended by itself: {process.returncode}")
        return self.endpoint.statistics(self.lane).sent

    def at_rest(self) -> bool:
        """Whether the lane is empty, nothing runs, and nothing is held."""
        lane, dead = (self.endpoint.statistics(url) for url in (self.lane, self.dead_letters))
        counts = outcome_counts(self.database_url)
        return not (lane.visible or lane.held or lane.delayed or dead.held or counts["running"])

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until it is true.

        Raises:
            RuntimeError: it does not become so in time.
        """
        end = time.monotonic() + self.patience
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"not within {self.patience:g} s")
            time.sleep(0.05)


def run(*, letters: int, kills: int) -> dict[str, Any]:
    """Redrive so many letters, killed so often; what was seen, and what is wrong with it."""
    with running_endpoint(latency=0) as endpoint, migrated_database() as server:
        environment = {
            **listener_environment(server, endpoint, concurrency=8, transport="fast"),
            **_aws(endpoint),
        }
        lane = endpoint.create("lane", visibility=120)
        patience = max(_PATIENCE[1], _PATIENCE[0] * letters / 1000)
        ground = Ground(
            endpoint=endpoint,
            environment={k: v.replace("{queue_url}", lane) for k, v in environment.items()},
            letters=letters,
            lane=lane,
            dead_letters=environment["MUSTER_DEAD_LETTER_QUEUE_URL"],
            database_url=server.url("bench"),
            patience=patience,
        )
        fail_jobs(ground.database_url, endpoint.url, lane, ground.dead_letters, count=letters)
        started = time.monotonic()
        predicted = ground.counted()
        with _listener(ground):
            killed = [
                ground.killed_after(letters * (number + 1) // (kills + 1))
                for number in range(kills)
            ]
            endpoint.release(ground.dead_letters)  # what killed runs held
            ground.wait(ground.at_rest)
            rest = ground.counted()
            last = ground.counted("--yes")
            ground.wait(ground.at_rest)
        return {
            "letters": letters,
            "dry_run": predicted,
            "sent_when_killed": killed,
            "dry_run_of_the_rest": rest,
            "last_run": last,
            "messages_sent": endpoint.statistics(lane).sent,
            "letters_left": endpoint.statistics(ground.dead_letters).visible,
            "executions": (counts := outcome_counts(ground.database_url)),
            "seconds": round(time.monotonic() - started, 1),
            "problems": _problems(letters, predicted, rest, last, counts),
        }


def _problems(
    letters: int,
    predicted: Mapping[str, Any],
    rest: Mapping[str, Any],
    last: Mapping[str, Any],
    counts: Mapping[str, int],
) -> list[str]:
    wrong: list[str] = []
    if predicted["done"] != letters:
        wrong.append(f"the first dry run counted {predicted['done']} of {letters} letters")
    wrong += [
        f"{name}: the dry run said {rest[name]}, the run {last[name]}"
        for name in ("done", "stale", "others", "worn_out", "again", "refused", "complete")
        if rest[name] != last[name]
    ]
    expected = {"completed": letters, "once": letters, "rows": letters}
    wrong += [
        f"{name}: {counts[name]}, not {number}"
        for name, number in expected.items()
        if counts[name] != number
    ]
    return wrong


def _aws(endpoint: Endpoint) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }


@contextmanager
def _listener(ground: Ground) -> Iterator[None]:
    """The listener runs; stopped as ECS stops one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecs_listener"],
        cwd=ROOT,
        env={**ground.environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timedelta(minutes=1).total_seconds())


def main() -> int:
    """Run, and report; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--letters", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--kills", type=int, default=2, help="default %(default)s")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.letters < 100 or arguments.kills < 0:
        parser.error("--letters must be at least 100, and --kills at least 0")
    seen = run(letters=arguments.letters, kills=arguments.kills)
    if arguments.json:
        print(json.dumps(seen))
    else:
        print("\n".join(f"{name}: {value}" for name, value in seen.items()))
    return 1 if seen["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
