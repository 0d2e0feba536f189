"""Posts a delivery to a webhook, as a sender does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muster.cli.errors import UsageError
from muster.errors import MusterError

#: Seconds until the API has to answer; API Gateway gives up at 30.
_PATIENCE = 35

#: Longest answer that is read, in bytes.
_LONGEST = 64 * 1024


class NotDelivered(MusterError):
    """Nobody answered."""

    code = "not_running"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the API said."""

    status: int
    answer: Any


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> Answered:
    """Post it once.

    Raises:
        UsageError: it is no address of the web.
        NotDelivered: nobody answered.
    """
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"{url!r} is no address: write https://…")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        method="POST",
        data=body,
        headers={"Content-Type": "application/json", "User-Agent": "muster", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - as above
            return Answered(status=answer.status, answer=_read(answer.read(_LONGEST)))
    except urllib.error.HTTPError as error:
        with error:
            return Answered(status=error.code, answer=_read(error.read(_LONGEST)))
    except OSError as error:
        raise NotDelivered(f"{url} does not answer: {error}") from error


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
