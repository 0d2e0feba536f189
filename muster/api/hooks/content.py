"""What a job is told of a delivery: `{"headers": …, "body": …, "delivery": …}`."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from muster.api.problem import Problem
from muster.api.request import Request
from muster.message.body import MAX_DEPTH, BodyProblem, deeper_than, parse_value, storable

#: Headers that every job is told of.
_ALWAYS = ("content-type", "user-agent")

#: JSON, and what else a body may be: it is then told of as text.
_JSON = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json")
_TEXT = re.compile(r"application/x-www-form-urlencoded|text/plain")

#: An envelope and its params are two levels of their own around a body.
_DEEPEST = MAX_DEPTH - 2


def check_kind(request: Request) -> str:
    """The body's media type, looked at before anything else is done.

    Raises:
        Problem: it is none that a webhook takes, or is sent in an encoding, which nothing here unpacks (415).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _JSON.fullmatch(kind) and not _TEXT.fullmatch(kind):
        raise Problem(
            415,
            "unsupported_media_type",
            "send JSON, a form or plain text, and say so in Content-Type",
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "unsupported_media_type", "send the body without an encoding")
    return kind


def params_of(
    request: Request, *, kind: str, told: tuple[str, ...], delivery: str
) -> Mapping[str, Any]:
    """The job's params: the headers that it is told of, the body and the delivery's id.

    JSON is parsed. Anything else is text; what is no UTF-8 is in base64, and `encoding` says so.

    Raises:
        Problem: it says that it is JSON and is not (400).
    """
    names = sorted({*_ALWAYS, *told} & request.headers.keys())
    headers = {name: request.headers[name] for name in names}
    try:
        text = request.body.decode()
    except UnicodeDecodeError as error:
        if _JSON.fullmatch(kind):
            raise Problem(400, "malformed_body", "the body is not UTF-8") from error
        encoded = base64.b64encode(request.body).decode()
        value: dict[str, Any] = {"body": encoded, "encoding": "base64"}
        text = ""
    else:
        value = {"body": _json(text) if _JSON.fullmatch(kind) else text}
    params = {"headers": headers, **value, "delivery": delivery}
    return storable(params, body="\n".join((text, *headers.values())))


def _json(text: str) -> Any:
    try:
        value = parse_value(text)
    except BodyProblem as error:
        raise Problem(400, "malformed_body", f"the body is no JSON: {error}") from error
    if deeper_than([value], _DEEPEST + 1):
        raise Problem(400, "malformed_body", "the body is nested too deep")
    return value
