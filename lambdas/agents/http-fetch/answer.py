"""An answer as the job's result: text where it is text, Base64 where it is not."""

from __future__ import annotations

import base64
import re
from email.message import Message
from typing import Any

from muster.safe_http import Response

_CHARSET = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


def answer(response: Response) -> dict[str, Any]:
    """Status, headers and body; the body is `body`, or `body_base64` if it is no text."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    result: dict[str, Any] = {
        "status": response.status,
        "url": response.url,
        "redirects": list(response.redirects),
        "headers": headers,
        "bytes": len(response.body),
        "elapsed_ms": round(response.elapsed.total_seconds() * 1000),
    }
    text = _text(response)
    if text is None:
        return {**result, "body_base64": base64.b64encode(response.body).decode("ascii")}
    return {**result, "body": text}


def _text(response: Response) -> str | None:
    """The body as text by its own charset, or else UTF-8; None if it is not."""
    header = Message()
    header["content-type"] = response.header("content-type") or ""
    named = header.get_content_charset() or "utf-8"
    charset = named if _CHARSET.fullmatch(named) else "utf-8"
    try:
        return response.body.decode(charset)
    except (LookupError, UnicodeError):
        return None
