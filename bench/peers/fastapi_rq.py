"""FastAPI that enqueues with RQ, as the runbook's service does: no authentication, no record but Redis's.

The application is called as its server would call it, without the server: no HTTP is parsed, so that nothing
but framework and queue is measured. Its endpoint is a coroutine, which spares it a hop to another thread.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from typing import Any

from fastapi import FastAPI  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from pydantic import BaseModel
from redis import Redis  # pyright: ignore[reportMissingImports]  # installed by the benchmark
from rq import Queue, Retry  # pyright: ignore[reportMissingImports]  # installed by the benchmark


class JobRequest(BaseModel):
    """What is asked for."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    timeout: float = 10.0


def create(socket: str) -> FastAPI:
    """The service on a Redis."""
    app = FastAPI()
    queue = Queue("default", connection=Redis(unix_socket_path=socket))

    @app.post("/jobs")
    async def enqueue(job: JobRequest) -> dict[str, Any]:
        made = queue.enqueue(
            "agents.background.worker.process_http_job",
            job.model_dump(),
            retry=Retry(max=2, interval=[10, 30]),
        )
        return {"job_id": made.id, "enqueued_at": str(made.enqueued_at)}

    return app


_BODY = json.dumps({"url": "https://example.com/"}).encode()
_SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "path": "/jobs",
    "raw_path": b"/jobs",
    "query_string": b"",
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
    ],
    "scheme": "http",
    "server": ("127.0.0.1", 80),
    "client": ("127.0.0.1", 12345),
    "root_path": "",
}


async def _submit(app: Any, calls: int) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": _BODY, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            sys.exit(f"answered {message['status']}")

    for _ in range(calls):
        await app(dict(_SCOPE), receive, send)


async def _measure(app: Any, calls: int) -> None:
    await _submit(app, 50)
    before, started = _cpu(), time.perf_counter()
    await _submit(app, calls)
    seconds, cpu = time.perf_counter() - started, _cpu() - before
    print(json.dumps({"calls": calls, "seconds": seconds, "cpu": cpu}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Warm up, then enqueue as many jobs as asked for, one after another."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--calls", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(_measure(create(given.socket), given.calls))


if __name__ == "__main__":
    main()
