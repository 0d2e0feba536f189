"""A call as API Gateway hands it over (payload 2.0), with bounds before anything is parsed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import parse_qsl

from muster.api.problem import Problem, invalid
from muster.message.body import UNSTORABLE, BodyProblem, parse_object, storable

#: Largest body, in bytes. The platform would take 6 MB; a row that everybody reads should not.
MOST_BODY_BYTES = 1024 * 1024

#: Most query parameters.
_MOST_PARAMETERS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call."""

    method: str
    path: str
    #: By lower-case name.
    headers: Mapping[str, str]
    raw_query: str
    body: bytes

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the event.

        Raises:
            Problem: the body is too large (413) or was not sent whole (400).
        """
        given = cast("dict[str, str]", event.get("headers") or {})
        headers = {name.lower(): value for name, value in given.items()}
        return cls(
            method=str(event["requestContext"]["http"]["method"]),
            path=str(event["rawPath"]),
            headers=headers,
            raw_query=event.get("rawQueryString") or "",
            body=_body(event, headers),
        )

    def query(self) -> dict[str, str]:
        """Query parameters by name.

        Raises:
            Problem: one stands twice, or holds what no text may (422).
        """
        if not self.raw_query:
            return {}
        try:
            pairs = parse_qsl(
                self.raw_query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS
            )
        except ValueError as error:
            raise invalid("the query has too many parameters") from error
        found: dict[str, str] = {}
        for name, value in pairs:
            if name in found:
                raise invalid("a query parameter stands twice; give each once")
            if UNSTORABLE.search(name + value):
                raise invalid("a query parameter holds NUL or a lone surrogate")
            found[name] = value
        return found

    def json(self) -> dict[str, Any]:
        """The body as a JSON object that can be stored.

        Raises:
            Problem: it is no JSON (400), or is sent as something else (415).
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(415, "unsupported_media_type", "send application/json")
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(415, "unsupported_media_type", "send the body without an encoding")
        try:
            text = self.body.decode()
            return storable(parse_object(text), body=text)
        except UnicodeDecodeError as error:
            raise Problem(400, "malformed_body", "the body is not UTF-8") from error
        except BodyProblem as error:
            raise Problem(400, "malformed_body", f"the body is no JSON object: {error}") from error


def _body(event: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    text = cast("str", event.get("body") or "")
    announced = headers.get("content-length", "")
    encoded = bool(event.get("isBase64Encoded"))
    most = MOST_BODY_BYTES * 4 // 3 + 4 if encoded else MOST_BODY_BYTES
    if len(text) > most or (announced.isdecimal() and int(announced[:18]) > MOST_BODY_BYTES):
        raise _too_large()
    try:
        body = base64.b64decode(text, validate=True) if encoded else text.encode()
    except (binascii.Error, ValueError) as error:
        raise Problem(400, "malformed_body", "the body did not arrive whole") from error
    if len(body) > MOST_BODY_BYTES:
        raise _too_large()
    return body


def _too_large() -> Problem:
    return Problem(
        413,
        "too_large",
        f"the body may have {MOST_BODY_BYTES} bytes; put what is larger into S3 and send its key",
    )
