"""Who takes part in the listener's benchmark, each at the size it can bear."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping

from bench.consumer import Consumer
from bench.installation import PEERS, ROOT, Installation

#: Muster's own.
TRANSPORT = "listener, transport only (fast)"
TRANSPORT_BOTO3 = "listener, transport only (boto3)"
LEDGER = "listener with the ledger (fast)"

#: Peers.
SEQUENTIAL = "plain sequential boto3 loop"
THREADED = "threaded boto3 loop, batch deletes"
SQS_CONSUMER = "sqs-consumer (batch), Node.js"
CELERY = "Celery, SQS, solo"
DRAMATIQ = "dramatiq-sqs"
BOUND = "bare urllib3 + SigV4 loop (the bound)"

#: Jobs at once in the listener with the ledger.
LEDGER_SIZE = 300


def contestant(
    name: str, *, installation: Installation, ledger: Mapping[str, str] | None = None
) -> Consumer:
    """How one of `ALL` is started; what it needs is installed.

    Args:
        ledger: environment of a listener with a database.

    Raises:
        NotInstalled: what it needs could not be installed.
    """
    if name == LEDGER:
        return Consumer(
            name=name,
            command=(sys.executable, "-m", "ecs_listener"),
            folder=ROOT,
            size=LEDGER_SIZE,
            environment=ledger or {},
        )
    return _MAKERS[name](installation)


def _ours(name: str, transport: str) -> Consumer:
    return Consumer(
        name=name,
        command=(sys.executable, "-m", "bench.consumers.transport_only"),
        folder=ROOT,
        size=160,
        environment={"BENCH_TRANSPORT": transport},
    )


def _script(name: str, script: str, *, size: int) -> Consumer:
    """One that needs nothing but what Muster's own environment has."""
    return Consumer(
        name=name,
        command=(sys.executable, script),
        folder=PEERS,
        size=size,
        warm=50 if size == 1 else 200,
    )


def _sqs_consumer(installation: Installation) -> Consumer:
    node, folder = installation.node()
    # Node.js looks for libraries beside the file that imports them.
    script = shutil.copy(PEERS / "sqs_consumer.mjs", folder)
    return Consumer(name=SQS_CONSUMER, command=(str(node), str(script)), folder=folder, size=8)


def _celery(installation: Installation) -> Consumer:
    python = str(installation.python())
    options = ("worker", "--pool", "solo", "--loglevel", "ERROR", "--without-heartbeat")
    return Consumer(
        name=CELERY,
        command=(python, "-m", "celery", "-A", "celery_app", *options),
        folder=PEERS,
        size=1,
        sender=(python, "celery_app.py"),
        warm=50,
    )


def _dramatiq(installation: Installation) -> Consumer:
    python = str(installation.python())
    return Consumer(
        name=DRAMATIQ,
        command=(python, "-m", "dramatiq", "dramatiq_app", "-p", "1", "-t", "8"),
        folder=PEERS,
        size=8,
        sender=(python, "dramatiq_app.py"),
        warm=50,
    )


_MAKERS: dict[str, Callable[[Installation], Consumer]] = {
    TRANSPORT: lambda _: _ours(TRANSPORT, "fast"),
    TRANSPORT_BOTO3: lambda _: _ours(TRANSPORT_BOTO3, "boto3"),
    SEQUENTIAL: lambda _: _script(SEQUENTIAL, "sequential.py", size=1),
    THREADED: lambda _: _script(THREADED, "threaded.py", size=8),
    SQS_CONSUMER: _sqs_consumer,
    CELERY: _celery,
    DRAMATIQ: _dramatiq,
    BOUND: lambda _: _script(BOUND, "bound.py", size=16),
}

ALL = (TRANSPORT, TRANSPORT_BOTO3, LEDGER, *list(_MAKERS)[2:])
