"""Worker processes of `http-fetch` that call one host at once: `python -m tests.support.fetchers ...`."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from muster import Job, RetryLater
from muster.agent_loader import load_agent
from muster.outbound import Outbound
from muster.store.opening import open_tables
from tests.support.clerk import database_of
from tests.support.web import HERE

FOLDER = Path(__file__).parents[2] / "lambdas" / "agents" / "http-fetch"


def main(database_url: str, port: str, calls: str, rate: str, burst: str) -> None:
    """Make so many calls, each as often as it takes; tell how often one had to wait, and when each passed.

    It passed at some moment between two that are told, by the clock that all processes share.
    """
    fetch = load_agent(FOLDER)
    waits = 0
    passed: list[tuple[float, float]] = []
    with closing(database_of(database_url)) as database:
        fresh = Job(
            id="job",
            params={"url": f"http://{HERE}:{port}/"},
            config={"requests_per_second": float(rate), "burst": int(burst)},
            database=open_tables(database, agent_id="http-fetch", folder=FOLDER),
            outbound=Outbound(addresses=(HERE,), ports=(int(port),)),
        )
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(int(calls)):
            saved: list[Any] = [None]
            while True:
                asked = time.monotonic()
                try:
                    fetch(replace(fresh, state=saved[-1], save=saved.append))
                except RetryLater as later:
                    waits += 1
                    threading.Event().wait(later.after.total_seconds())
                else:
                    passed.append((asked, time.monotonic()))
                    break
    print(json.dumps({"waits": waits, "passed": passed}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
