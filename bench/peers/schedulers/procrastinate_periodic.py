"""procrastinate's periodic tasks, each deferred as a job in Postgres."""

from __future__ import annotations

import asyncio
import os
import time

import procrastinate  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from measured import Measured, schedules  # pyright: ignore[reportMissingImports]  # beside it
from procrastinate.periodic import PeriodicDeferrer  # pyright: ignore[reportMissingImports]  # installed by the benchmark

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_DATABASE"])
)


async def nothing(timestamp: int) -> None:
    """The job that does nothing."""


async def main() -> None:
    """Fire."""
    for number in range(schedules()):
        app.periodic(cron="* * * * *")(app.task(nothing, name=f"s{number}", queue="bench"))
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        await app.connector.execute_query_async("DELETE FROM procrastinate_periodic_defers")
        deferrer = PeriodicDeferrer(registry=app.periodic_registry)
        due = list(deferrer.get_previous_tasks(at=time.time()))[-schedules() :]
        with Measured():
            await deferrer.defer_jobs(due)


if __name__ == "__main__":
    asyncio.run(main())
