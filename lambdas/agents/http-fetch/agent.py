"""The agent: one call of one URL, by `muster.safe_http` and within the rate of its host."""

from __future__ import annotations

import hashlib
from typing import Any

from muster import Job, agent
from muster.safe_http import Policy, Request

from .answer import answer
from .rate import Rate

#: CONNECT and TRACE are not for callers.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: Calls that may be repeated without a thought. The others carry a digest of the job's id, the same at every
#: attempt.
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY = "Idempotency-Key"


@agent
def fetch(job: Job) -> dict[str, Any]:
    """What the URL answered, whatever its status; a refusal fails the job with the verdict's code."""
    http = job.http(Policy(methods=METHODS), admit=Rate(job).admit)
    return answer(http.fetch(_request(job)))


def _request(job: Job) -> Request:
    params = job.params
    method = params.get("method", "GET").upper()
    headers = dict(params.get("headers", {}))
    if method not in _HARMLESS and _KEY.lower() not in {name.lower() for name in headers}:
        headers[_KEY] = hashlib.sha256(job.id.encode("utf-8", "replace")).hexdigest()
    body = params.get("body")
    return Request(
        url=params["url"],
        method=method,
        headers=headers,
        body=None if body is None else body.encode("utf-8", "replace"),
        timeout=params.get("timeout"),
    )
