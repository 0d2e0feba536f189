"""The HTTP API in this process as a WSGI application: what stands for API Gateway where tools speak HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from muster.api.application import Application
from tests.support.api_calls import event


def wsgi(application: Application) -> Callable[..., Iterable[bytes]]:
    """Hands each call on as an event of payload 2.0."""

    def answer(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        said = application.answer(
            event(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
                body or None,
                environ.get("QUERY_STRING", ""),
                headers,
            ),
            None,
        )
        start_response(f"{said['statusCode']} Answered", list(said["headers"].items()))
        return [said.get("body", "").encode()]

    return answer
