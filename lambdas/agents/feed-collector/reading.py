"""Reads feeds: asks only for what changed, several at once, and stores one after another."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta

from muster import Job, MusterError, PermanentError, RetryableError, RetryLater
from muster.safe_http import Policy, Request, Response

from .progress import Outcome

#: One feed may take this long, and be this large.
_TIMEOUT = timedelta(seconds=20)
_MAX_BYTES = 5 * 1024 * 1024

_THREADS = 10
_NOT_MODIFIED = 304
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 3600.0
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/xml, text/xml"
)

#: What a server told of the last version that was stored: ETag and Last-Modified.
_Validators = Mapping[str, tuple[str | None, str | None]]


class Reader:
    """Reads feeds for one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._http = job.http(
            Policy(timeout=_TIMEOUT, max_bytes=_MAX_BYTES, methods=frozenset({"GET"}))
        )

    def read(self, url: str) -> Outcome:
        """Read one feed and store what is new.

        Raises:
            MusterError: it cannot be read, now or ever.
        """
        return self._store(url, self._fetch(url, self._validators([url])))

    def read_all(self, urls: Sequence[str]) -> Iterator[Outcome]:
        """Read several feeds at once; those that cannot be read are outcomes with an error."""
        known = self._validators(urls)
        pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="feed")
        try:
            futures = {url: pool.submit(self._fetch, url, known) for url in urls}
            for url, future in futures.items():
                try:
                    yield self._store(url, future.result())
                except MusterError as error:
                    self._job.log.warning("feed not read: %s", error.code)
                    yield Outcome(url=url, error=error.code)
        finally:
            # A job that is stopped does not wait for calls under way; each ends by its own limit.
            pool.shutdown(wait=False, cancel_futures=True)

    def _validators(self, urls: Sequence[str]) -> _Validators:
        rows = self._job.database.run(
            "validators", {"tenant": self._job.tenant, "urls": list(urls)}
        )
        return {url: (etag, last_modified) for url, etag, last_modified in rows}

    def _fetch(self, url: str, known: _Validators) -> Response:
        etag, last_modified = known.get(url, (None, None))
        headers = {"Accept": _ACCEPT}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        response = self._http.fetch(Request(url=url, headers=headers))
        if response.status in _BUSY:
            raise _busy(response)
        if response.status not in (200, _NOT_MODIFIED):
            raise PermanentError(f"The feed answers {response.status}.", code="feed_status")
        return response

    def _store(self, url: str, response: Response) -> Outcome:
        from .feed import parse

        if response.status == _NOT_MODIFIED:
            return Outcome(url=url, unchanged=True)
        feed = parse(response, most=self._job.config["max_items"])
        [(new,)] = self._job.database.run(
            "store",
            {
                "tenant": self._job.tenant,
                "url": url,
                "title": feed.title,
                "etag": _header(response, "etag"),
                "last_modified": _header(response, "last-modified"),
                "items": [asdict(item) for item in feed.items],
                "batch": str(uuid.uuid4()),
                "notify_url": self._job.params.get("notify_url"),
            },
        )
        return Outcome(url=url, entries=len(feed.items), new=new)


def _busy(response: Response) -> RetryableError:
    """Come again when the server says, if it says so in seconds."""
    told = response.header("retry-after") or ""
    message = f"The feed answers {response.status}."
    if told.isascii() and told.isdigit():
        return RetryLater(message, after=min(float(told[:9]), _LONGEST_PAUSE))
    return RetryableError(message, code="feed_busy")


def _header(response: Response, name: str) -> str | None:
    """A header that can be sent back as it came."""
    value = response.header(name)
    fits = value is not None and value.isascii() and value.isprintable() and len(value) <= 500
    return value if fits else None
