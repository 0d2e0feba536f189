"""`/health` for ECS and people, `/metrics` for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: A caller that is silent for longer, in seconds, is hung up on.
_PATIENCE = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How the listener is at this moment."""

    instance_id: str
    #: The process works: none of its parts is missing or silent. False: replace it.
    alive: bool
    #: It takes work: ledger and queues answer, and it is not draining.
    ready: bool
    is_leader: bool
    #: What is wrong, in words.
    problems: tuple[str, ...]
    details: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As the endpoint answers."""
        return {
            "instance_id": self.instance_id,
            "is_running": self.alive,
            "is_leader": self.is_leader,
            "is_ready": self.ready,
            "problems": list(self.problems),
            **self.details,
        }


class HealthServer:
    """Answers GET `/health`, `/health/live`, `/health/ready` and `/metrics`.

    Args:
        host: the address to listen on.
        port: 0 takes any free one.
        health: looks at the listener.
        metrics: renders its metrics.
    """

    def __init__(
        self, *, host: str, port: int, health: Callable[[], Health], metrics: Callable[[], str]
    ) -> None:
        handler = type(
            "Handler",
            (_Handler,),
            {"health": staticmethod(health), "metrics": staticmethod(metrics)},
        )
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            name="health",
            daemon=True,
            kwargs={"poll_interval": 5},
        )

    @property
    def port(self) -> int:
        """Where it answers."""
        return self._server.server_address[1]

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = _PATIENCE
    server_version = "muster-listener"
    sys_version = ""
    health: Callable[[], Health]
    metrics: Callable[[], str]

    def do_GET(self) -> None:
        """Answer one of the four paths."""
        path = self.path.partition("?")[0].rstrip("/")
        if path == "/metrics":
            self._answer(200, self.metrics(), "text/plain; version=0.0.4; charset=utf-8")
            return
        if path not in ("/health", "/health/live", "/health/ready"):
            self._answer(404, '{"message":"no such path"}', "application/json")
            return
        health = self.health()
        well = health.ready if path == "/health/ready" else health.alive
        self._answer(200 if well else 503, json.dumps(health.to_json()), "application/json")

    def _answer(self, status: int, body: str, kind: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing: probes would fill the log."""
