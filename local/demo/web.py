"""Outbound calls of agents: one that is answered, one that is refused, a feed that is collected."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.demo.job import PlannedJob
from local.errors import LocalCloudError
from local.ports import LOOPBACK
from muster.message.envelope import envelope
from muster.model import Status
from stacks.outbound import LOCAL_SERVER_PORTS

FETCH, COLLECT = "http-fetch", "feed-collector"
#: Where a cloud's machines are told their credentials: nobody else's URL may lead there.
_METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
_PAGE = "Good morning."
_ITEMS = 3
_FEED = "application/rss+xml"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page, feed = self.path.startswith("/page"), self.path.startswith("/feed")
        text = _PAGE if page else _feed(self.path) if feed else "no such page"
        body = text.encode()
        self.send_response(200 if page or feed else 404)
        self.send_header("Content-Type", _FEED if feed else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """The demo tells what came of the calls; nobody reads an access log."""


def _feed(path: str) -> str:
    items = "".join(
        f"<item><guid>{path}-{n}</guid><title>Item {n}</title></item>" for n in range(_ITEMS)
    )
    return f'<rss version="2.0"><channel><title>The demo</title>{items}</channel></rss>'


@contextmanager
def served(ports: Iterable[int] = LOCAL_SERVER_PORTS) -> Generator[str]:
    """A web server on loopback, where the local stage lets its agents call; yields its URL.

    Raises:
        LocalCloudError: none of the ports is free.
    """
    server = _server(ports)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(ports: Iterable[int]) -> ThreadingHTTPServer:
    tried = list(ports)
    for port in tried:
        try:
            return ThreadingHTTPServer((LOOPBACK, port), _Handler)
        except OSError:
            continue  # taken: the next will do
    raise LocalCloudError(
        f"None of the ports {tried[0]} to {tried[-1]} is free; end what uses them."
    )


def jobs(*, run: str, url: str) -> list[PlannedJob]:
    """One job of each kind; `url` is the server's."""
    return [
        _job(
            FETCH,
            what="a page that is fetched",
            job_id=f"demo-{run}-page",
            params={"url": f"{url}/page"},
            result={"status": 200, "body": _PAGE},
        ),
        _job(
            FETCH,
            what="a refused address",
            job_id=f"demo-{run}-refused",
            params={"url": _METADATA},
            status=Status.FAILED,
            reason="metadata_address: ",
        ),
        _job(
            COLLECT,
            what="a feed that is collected",
            job_id=f"demo-{run}-feed",
            params={"url": f"{url}/feed/{run}"},
            result={"feeds": 1, "new": _ITEMS},
        ),
    ]


def _job(agent: str, *, job_id: str, params: dict[str, Any], **expected: Any) -> PlannedJob:
    body = envelope(job_id=job_id, agent_id=agent, params=params)
    return PlannedJob(agent=agent, job_id=job_id, body=body, **expected)
