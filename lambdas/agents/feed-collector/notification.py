"""Tells a URL of new items: what was stored together in one POST, which a crash may repeat but never lose.

The items and the debt to tell of them are stored in one statement. Whoever tells takes the debt for a while;
a repeated POST has the same items and the same Idempotency-Key.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from muster import Job, MusterError, PermanentError, RetryableError, RetryLater
from muster.safe_http import Policy, Request, SafeHttp

_TIMEOUT = timedelta(seconds=20)

#: Nobody else tells of the same items meanwhile, in seconds: longer than a call may take.
_LEASE = 60

#: Characters of a summary in a notification; the table holds more.
_SUMMARY = 1000

_BUSY = frozenset({408, 425, 429})


def deliver(job: Job, *, urls: Sequence[str], notify_url: str) -> Iterator[str]:
    """Tell the URL of everything in these feeds that it is owed; the id of each POST that it took.

    Raises:
        RetryableError, PermanentError: it was not taken, and stays owed.
        RetryLater: another worker is telling; without using up an attempt.
    """
    policy = Policy(timeout=_TIMEOUT, max_redirects=0, max_bytes=64 * 1024)
    http = job.http(policy)
    wanted = {"tenant": job.tenant, "urls": list(urls), "notify_url": notify_url}
    holder = str(uuid.uuid4())
    while True:
        rows = job.database.run("take_owed", {**wanted, "holder": holder, "seconds": _LEASE})
        if not rows:
            break
        [(batch, feed_url, title, items)] = rows
        try:
            _post(http, notify_url, batch, {"feed": feed_url, "title": title, "items": items})
        except MusterError:
            job.database.run("give_back", {"batch": batch, "holder": holder})
            raise
        job.database.run("told", {"batch": batch})
        yield batch
    [(wait,)] = job.database.run("others_tell", wanted)
    if wait is not None:
        raise RetryLater("Another worker is telling of these items.", after=wait, snooze=True)


def _post(http: SafeHttp, notify_url: str, batch: str, news: dict[str, Any]) -> None:
    for item in news["items"]:
        item["summary"] = item["summary"] and item["summary"][:_SUMMARY]
    response = http.fetch(
        Request(
            url=notify_url,
            method="POST",
            headers={"Content-Type": "application/json", "Idempotency-Key": batch},
            body=json.dumps(news, ensure_ascii=False).encode("utf-8", "replace"),
        )
    )
    if response.status >= 500 or response.status in _BUSY:
        raise RetryableError(f"notify_url answers {response.status}.", code="notify_busy")
    if not 200 <= response.status < 300:
        raise PermanentError(f"notify_url answers {response.status}.", code="notify_refused")
