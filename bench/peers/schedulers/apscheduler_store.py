"""APScheduler 3 with its job store in Postgres; a job does nothing, and is not recorded."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from threading import Event

from apscheduler.executors.pool import ThreadPoolExecutor  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # pyright: ignore[reportMissingImports]  # likewise
from apscheduler.schedulers.background import BackgroundScheduler  # pyright: ignore[reportMissingImports]  # likewise
from measured import Measured, schedules  # pyright: ignore[reportMissingImports]  # beside it

_ran: list[int] = []
all_ran = Event()


def nothing(number: int) -> None:
    """The job that does nothing."""
    _ran.append(number)
    if len(_ran) == schedules():
        all_ran.set()


def main() -> None:
    """Fire."""
    import apscheduler_store  # pyright: ignore[reportMissingImports]  # the module as its jobs name it

    address = os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+psycopg://")
    store = SQLAlchemyJobStore(url=address)
    scheduler = BackgroundScheduler(
        jobstores={"default": store},
        executors={"default": ThreadPoolExecutor(10)},
        job_defaults={"misfire_grace_time": None},
        timezone=UTC,
    )
    scheduler.start(paused=True)
    scheduler.remove_all_jobs()
    due = datetime.now(UTC)
    for number in range(schedules()):
        scheduler.add_job(
            "apscheduler_store:nothing", "interval", days=1, args=(number,), next_run_time=due
        )
    with Measured():
        scheduler.resume()
        assert apscheduler_store.all_ran.wait(120)
        # It writes the next times after it has handed the jobs out.
        while store.get_next_run_time() <= due:
            time.sleep(0.002)
    scheduler.shutdown()


if __name__ == "__main__":
    main()
