"""boto3 clients whose requests a test answers: nothing leaves the process, and nothing is patched."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from tests.support.emulator import session

#: Given the parsed JSON of a request, what the service answers; or it raises what the network would.
Answer = Callable[[dict[str, Any]], AWSResponse]


def scripted_client(service: str, answer: Answer, *, attempts: int = 1) -> Any:
    """A client whose every request goes to `answer`; botocore makes `attempts` tries of each call."""
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    client = session().client(service, config=config, endpoint_url="http://scripted.invalid")

    def before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return answer(_parsed(request.body))

    client.meta.events.register(f"before-send.{service}", before_send)
    return client


def reply(body: dict[str, Any], *, status: int = 200, **headers: str) -> AWSResponse:
    """An answer of a service that speaks JSON."""
    return raw_reply(json.dumps(body).encode(), status=status, **headers)


def failure(code: str, *, status: int = 400) -> AWSResponse:
    """An error as SQS tells it; the second header is where it keeps names of older days."""
    return reply(
        {"__type": f"com.amazonaws.sqs#{code}", "message": code},
        status=status,
        **{"x-amzn-query-error": f"{code};Sender"},
    )


def raw_reply(content: bytes, *, status: int = 200, **headers: str) -> AWSResponse:
    """An answer of bytes."""
    return AWSResponse("http://scripted.invalid", status, headers, _Raw(content))


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def _parsed(body: Any) -> dict[str, Any]:
    # S3 sends content, the others JSON.
    try:
        return json.loads(body or b"{}")
    except (TypeError, ValueError):
        return {}
