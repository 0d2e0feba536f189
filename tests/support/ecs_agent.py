"""The ECS agent of a task, as far as a listener speaks to it: task protection and metadata."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_LOOPBACK = "127.0.0.1"
_ARN = "arn:aws:ecs:us-east-1:000000000000:task/cluster/abc"


class EcsAgent:
    """Answers `PUT /api/.../task-protection/v1/state` and `GET .../task`.

    `refusal`: what a refused PUT is answered with; None: it is done.
    """

    def __init__(self) -> None:
        self.refusal: dict[str, Any] | None = None
        #: Bodies of the PUTs, in order.
        self.asked: list[dict[str, Any]] = []
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                agent.asked.append(body)
                done = {"TaskArn": _ARN, "ProtectionEnabled": body["ProtectionEnabled"]}
                self._answer(agent.refusal or {"protection": done})

            def do_GET(self) -> None:
                self._answer(
                    {"Cluster": "cluster", "TaskARN": _ARN, "Family": "tester", "Revision": "3"}
                )

            def _answer(self, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base calls it so
                """Nothing."""

        self._server = ThreadingHTTPServer((_LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{_LOOPBACK}:{self._server.server_address[1]}/api/task"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def switches(self) -> list[bool]:
        """Protection on or off, in order."""
        return [body["ProtectionEnabled"] for body in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
