"""Dramatiq on SQS: `dramatiq dramatiq_app`. `python dramatiq_app.py` sends one message."""

from __future__ import annotations

import os

import dramatiq  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from dramatiq_sqs import SQSBroker  # pyright: ignore[reportMissingImports]  # likewise

dramatiq.set_broker(SQSBroker())


@dramatiq.actor(queue_name=os.environ["BENCH_QUEUE_URL"].rpartition("/")[2])
def nothing(number: int) -> None:
    """The job that does nothing."""


if __name__ == "__main__":
    nothing.send(1)  # pyright: ignore[reportFunctionMemberAccess]  # the decorator adds it
