"""Celery beat with schedules in memory, which sends to SQS and keeps no record."""

from __future__ import annotations

import os
from datetime import timedelta

from celery import Celery  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from celery.beat import Scheduler  # pyright: ignore[reportMissingImports]  # likewise
from measured import Measured, schedules  # pyright: ignore[reportMissingImports]  # beside it

app = Celery("bench", broker="sqs://")
app.conf.update(
    broker_transport_options={
        "region": os.environ["AWS_REGION"],
        "predefined_queues": {"bench": {"url": os.environ["BENCH_QUEUE_URL"]}},
    },
    task_default_queue="bench",
    task_ignore_result=True,
    beat_schedule={
        f"s{n}": {"task": "bench.nothing", "schedule": timedelta(days=1), "args": (n,)}
        for n in range(schedules())
    },
)


@app.task(name="bench.nothing")
def nothing(number: int) -> None:
    """The job that does nothing."""


if __name__ == "__main__":
    nothing.delay(1)  # pyright: ignore[reportFunctionMemberAccess]  # warms its connection
    beat = Scheduler(app=app)
    for entry in beat.schedule.values():
        entry.last_run_at = app.now() - timedelta(days=2)
    with Measured():
        for _ in range(schedules()):
            # A tick sends what is due first, and asks to be called again at once while more is.
            assert beat.tick() == 0
