"""moto over HTTP on loopback, for clients that are not botocore's; `mock_aws` must be at work around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.models import botocore_stubber

from local.emulator import REGION
from local.ports import LOOPBACK

#: Whatever host a request came to, moto knows services by AWS's names of them.
_AWS = f"https://sqs.{REGION}.amazonaws.com"


@contextmanager
def moto_over_http() -> Iterator[str]:
    """The URL of an endpoint that answers for SQS."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: value for name, value in self.headers.items() if name != "host"}
        request = AWSPreparedRequest(
            "POST", f"{_AWS}{self.path}", headers, body, stream_output=False
        )
        answer = botocore_stubber("before-send.sqs.any", request)
        assert isinstance(answer, AWSResponse), f"moto has no answer for {self.path}"
        content = answer.content
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in {"content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests say what they see themselves."""
