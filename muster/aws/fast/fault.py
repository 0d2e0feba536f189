"""Faults as botocore's exceptions, so that whoever handles a boto3 client's handles these."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from muster.aws.fast.answer import Answer
from muster.aws.fast.connection import Broken, Unreachable
from muster.aws.fast.failure import Cause, cause
from muster.aws.fast.retry import pause_asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Why one try failed."""

    cause: Cause
    #: What to raise when it is the last.
    error: Exception
    #: Seconds that the service asks to be left alone.
    pause: float | None = None
    #: When the service refused, by its own clock.
    date: bytes | None = None


def connection_fault(problem: Unreachable | Broken, *, url: str) -> Fault:
    """Of a try that got no answer."""
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
        ConnectionClosedError,
        ConnectTimeoutError,
        EndpointConnectionError,
        ReadTimeoutError,
        SSLError,
    )

    reason = problem.__cause__
    if isinstance(problem, Broken):
        kind: Any = ReadTimeoutError if problem.timeout else ConnectionClosedError
    elif isinstance(reason, ssl.SSLError):
        kind = SSLError
    else:
        kind = ConnectTimeoutError if problem.timeout else EndpointConnectionError
    return Fault(cause=Cause.TRANSIENT, error=kind(endpoint_url=url, error=reason))


def answer_fault(answer: Answer, *, operation: str) -> Fault:
    """Of a try whose answer is no success, or is none that makes sense."""
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
        ClientError,
        HTTPClientError,
    )

    if answer.status == HTTPStatus.OK:
        nonsense: Any = HTTPClientError
        return Fault(
            cause=Cause.TRANSIENT, error=nonsense(error="SQS answered with no JSON object")
        )
    content = json_object(answer.body) or {}
    code = _code(answer, content)
    refusal: Any = ClientError
    error = refusal(
        {
            "Error": {
                "Code": code,
                "Message": str(content.get("message") or content.get("Message") or ""),
            },
            "ResponseMetadata": {
                "HTTPStatusCode": answer.status,
                "RequestId": _text(answer.header(b"x-amzn-requestid")),
            },
        },
        operation,
    )
    return Fault(
        cause=cause(answer.status, code),
        error=error,
        pause=pause_asked(answer.header(b"x-amz-retry-after")),
        date=answer.header(b"date"),
    )


def json_object(body: bytes) -> dict[str, Any] | None:
    """The object; None when the body is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None  # pyright: ignore[reportUnknownVariableType]  # whatever the object holds


def _code(answer: Answer, content: dict[str, Any]) -> str:
    """The error's name; SQS also keeps those of its older protocol, by which everybody knows them."""
    older = _text(answer.header(b"x-amzn-query-error")).partition(";")[0]
    named = str(content.get("__type") or "") or _text(answer.header(b"x-amzn-errortype"))
    return older or named.rpartition("#")[2].partition(":")[0] or str(answer.status)


def _text(header: bytes | None) -> str:
    return (header or b"").decode("latin-1")
