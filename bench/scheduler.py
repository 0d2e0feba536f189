"""A scheduler under measurement: it runs by itself, fires what is due, and tells how long that took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.consumer import AWS_SETTINGS, NotRunning
from bench.endpoint.client import Endpoint
from bench.installation import PEERS, ROOT, Installation
from bench.server_cpu import cpu_seconds
from local.postgres import Postgres

#: Muster's own.
DISPATCHER = "Muster's dispatcher, with execution rows, into SQS"

#: Peers, each with what it fires into and what it keeps.
CELERY = "Celery beat, into SQS, no record"
APSCHEDULER = "APScheduler 3, job store in Postgres, no record"
PROCRASTINATE = "procrastinate, jobs in Postgres"
RQ = "rq-scheduler, jobs in Redis"

_SCRIPTS = {
    CELERY: "celery_beat.py",
    APSCHEDULER: "apscheduler_store.py",
    PROCRASTINATE: "procrastinate_periodic.py",
    RQ: "rq_scheduling.py",
}
ALL = (DISPATCHER, *_SCRIPTS)

#: Schedules that a peer fires in its turn: some seconds of work for each of them.
DUE_AT = {CELERY: 300, APSCHEDULER: 500, PROCRASTINATE: 300, RQ: 1000}

#: Longest run, in seconds.
_PATIENCE = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What a scheduler did in one run."""

    fires_per_second: float
    #: CPU seconds for 1,000 fires, of the scheduler's process and of Postgres.
    cpu: float
    server_cpu: float | None


def installation() -> Installation:
    """Where the peers are installed."""
    return Installation(folder=ROOT / ".muster" / "bench-schedulers", locks=PEERS / "schedulers")


def measure(
    name: str, *, schedules: int, endpoint: Endpoint, server: Postgres, database: str
) -> Sample:
    """Let one of `ALL` fire so many schedules.

    Raises:
        NotRunning: it failed; the message has what it said last.
        NotInstalled: its libraries could not be installed.
    """
    queue_url = endpoint.create("bench-peers")
    command, folder = _command(name)
    before = cpu_seconds(server.process_id)
    done = _run(
        command,
        folder,
        {
            "AWS_ENDPOINT_URL": endpoint.url,
            "BENCH_QUEUE_URL": queue_url,
            "BENCH_DATABASE": server.url(database),
            "BENCH_SCHEDULES": str(schedules),
        },
    )
    after = cpu_seconds(server.process_id)
    if done.returncode:
        raise NotRunning(f"{name} ended: {done.stderr.strip()[-500:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if told["fires"] != schedules:
        raise NotRunning(f"{name} fired {told['fires']} of {schedules} schedules")
    thousands = schedules / 1000
    return Sample(
        fires_per_second=schedules / told["seconds"],
        cpu=told["cpu"] / thousands,
        server_cpu=None if before is None or after is None else (after - before) / thousands,
    )


def _command(name: str) -> tuple[tuple[str, ...], Path]:
    if name == DISPATCHER:
        return (sys.executable, "-m", "bench.schedulers.dispatcher"), ROOT
    return (str(installation().python()), _SCRIPTS[name]), PEERS / "schedulers"


def _run(
    command: tuple[str, ...], folder: Path, settings: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, **AWS_SETTINGS, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
