"""How long a cold process takes until it has imported a handler, against the usual stack of such handlers.

    python -m bench.cold_start [--runs N] [--json]

Whole processes, from fork to exit, in rounds that take turns, so that a busy machine slows all alike; the
median counts. What a handler leaves to its first event is measured too, without a bar: it is paid then.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.report import Bar, Report

ROOT = Path(__file__).resolve().parents[1]

#: Fewest rounds that make a median worth telling.
LEAST_RUNS = 9

#: A handler's import may take this share of the usual stack's.
BAR = 0.35

HANDLERS = {name: f"import lambdas.{name}.handler" for name in ("agents", "scheduler", "register")}

USUAL_STACK = "usual stack: Powertools + psycopg2 + pydantic + boto3 client"

#: The usual stack as its documentation shows it, and a leaner one for comparison.
PEERS = {
    USUAL_STACK: """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
import psycopg2
from pydantic import BaseModel
class Params(BaseModel):
    text: str
import boto3
boto3.client("sqs")
""",
    "lean stack: psycopg2 + boto3 client": """
import psycopg2
import boto3
boto3.client("sqs")
""",
}

#: Told without a bar.
OTHERS = {
    "bare interpreter": "pass",
    "api": "import lambdas.api.handler",
    # The HTTP API's first call waits for an event handler, which no other function loads.
    "api, with the libraries of its first call": """
import lambdas.api.handler
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from muster.log import logger
logger("api")
import jsonschema_rs, psycopg2
from muster.api.routes import ROUTES
from muster.aws.client import make_client
make_client("secretsmanager", read_timeout=5)
""",
    "agents, with the libraries of its first event": HANDLERS["agents"]
    + """
from muster.log import logger
logger("agent")
import jsonschema_rs, psycopg2
from muster.aws.client import make_client
make_client("secretsmanager", read_timeout=5)
""",
}

PACKAGES = ("aws-lambda-powertools", "boto3", "psycopg2-binary", "pydantic", "jsonschema-rs")


def seconds(code: str) -> float:
    """How long a fresh interpreter takes to run the code and end.

    Raises:
        subprocess.CalledProcessError: the code failed; `stderr` says how.
    """
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=_ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started


_ENVIRONMENT = {
    "PATH": os.defpath,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
}


def measure(runs: int) -> Report:
    """Measure everything `runs` times, in turns."""
    subjects = {**HANDLERS, **PEERS, **OTHERS}
    not_run: dict[str, str] = {}
    for name, code in subjects.items():
        try:
            seconds(code)  # warms the disk's cache and writes the bytecode
        except subprocess.CalledProcessError as error:
            not_run[name] = error.stderr.strip().splitlines()[-1]
    ran = {name: code for name, code in subjects.items() if name not in not_run}
    samples: dict[str, list[float]] = {name: [] for name in ran}
    for _ in range(runs):
        for name, code in ran.items():
            samples[name].append(seconds(code))
    medians = {name: median(taken) for name, taken in samples.items()}
    return Report(
        benchmark="cold_start",
        raw={f"{name}, s": [round(s, 5) for s in taken] for name, taken in samples.items()},
        figures={f"{name}, median ms": round(m * 1000, 1) for name, m in medians.items()},
        bars=[_bar(name, medians) for name in HANDLERS],
        packages=PACKAGES,
        peers=[name for name in PEERS if name in ran],
        not_run=not_run,
    )


def _bar(handler: str, medians: dict[str, float]) -> Bar:
    """The bar counts only if both peers ran: without the usual stack there is nothing to compare to."""
    comparable = handler in medians and all(peer in medians for peer in PEERS)
    return Bar(
        name=f"import of lambdas.{handler}.handler / {USUAL_STACK}",
        value=round(medians[handler] / medians[USUAL_STACK], 4) if comparable else None,
        unit="of its time",
        bar=BAR,
        better="lower",
    )


def main() -> None:
    """Measure, and report whether or not a bar holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11, help=f"rounds, at least {LEAST_RUNS}")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    arguments = parser.parse_args()
    if arguments.runs < LEAST_RUNS:
        parser.error(f"--runs {arguments.runs}: a median needs at least {LEAST_RUNS}")
    measure(arguments.runs).print(as_json=arguments.json)


if __name__ == "__main__":
    main()
