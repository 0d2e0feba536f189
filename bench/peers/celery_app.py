"""Celery on its SQS transport: `celery -A celery_app worker`. `python celery_app.py` sends one task."""

from __future__ import annotations

import os

from celery import Celery  # pyright: ignore[reportMissingImports]  # installed by the benchmark

app = Celery("bench", broker="sqs://")
app.conf.update(
    broker_transport_options={
        "region": os.environ["AWS_REGION"],
        "predefined_queues": {"bench": {"url": os.environ["BENCH_QUEUE_URL"]}},
        "wait_time_seconds": 20,
        "polling_interval": 0,
    },
    task_default_queue="bench",
    task_ignore_result=True,
    # Ten at a time, as SQS gives them.
    worker_prefetch_multiplier=10,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.nothing")
def nothing(number: int) -> None:
    """The job that does nothing."""


if __name__ == "__main__":
    nothing.delay(1)  # pyright: ignore[reportFunctionMemberAccess]  # the decorator adds it
