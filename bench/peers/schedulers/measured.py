"""What every scheduler here reports of one run: one JSON object on stdout."""

from __future__ import annotations

import json
import os
import time


def schedules() -> int:
    """How many schedules are due."""
    return int(os.environ["BENCH_SCHEDULES"])


class Measured:
    """A block in which all of them fire."""

    def __enter__(self) -> None:
        self._started, self._cpu = time.monotonic(), time.process_time()

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            seconds, cpu = time.monotonic() - self._started, time.process_time() - self._cpu
            print(json.dumps({"fires": schedules(), "seconds": seconds, "cpu": cpu}))
