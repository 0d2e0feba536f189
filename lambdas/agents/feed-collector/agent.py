"""The agent: reads feeds, stores what is new once, and tells whoever asked for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muster import Job, RetryableError, RetryLater, agent

from .notification import deliver
from .progress import Progress
from .reading import Reader

#: Feeds that are read at once, and then noted as done.
_AT_ONCE = 20

#: Left of an attempt's time when it makes room for the next one: what feeds that are read at once may take.
_MARGIN = timedelta(seconds=60)

#: The same in their midst: what one of them may take.
_LAST_MARGIN = timedelta(seconds=40)


@agent
def collect(job: Job) -> dict[str, Any]:
    """Read the feeds of the params, and say how much of them was new.

    Of several feeds those that cannot be read are named in the result. A single one fails the job.
    """
    urls = _urls(job)
    progress = Progress.of(job.state)
    reader = Reader(job)
    if "url" in job.params and not progress.done:
        progress.add(reader.read(urls[0]))
        job.checkpoint(progress.state())
    while progress.done < len(urls):
        for outcome in reader.read_all(urls[progress.done : progress.done + _AT_ONCE]):
            progress.add(outcome)
            # A slow one must not keep its neighbours from being counted, or it would at every attempt.
            _make_room(job, progress, of=_so_far(progress, urls), margin=_LAST_MARGIN)
        job.checkpoint(progress.state())
        _make_room(job, progress, of=_so_far(progress, urls))
    if len(progress.failed) == len(urls):
        job.checkpoint(None)
        raise RetryableError("None of the feeds could be read.", code="feeds_unreadable")
    notify_url = job.params.get("notify_url")
    if notify_url is not None:
        for _ in deliver(job, urls=urls, notify_url=notify_url):
            progress.notified += 1
            job.checkpoint(progress.state())
            _make_room(job, progress, of="more is to be told")
    job.count(items_processed=progress.new)
    return progress.result()


def _urls(job: Job) -> list[str]:
    """The feeds, each once."""
    named = [job.params["url"]] if "url" in job.params else job.params["urls"]
    return list(dict.fromkeys(named))


def _so_far(progress: Progress, urls: list[str]) -> str:
    return f"{progress.done} of {len(urls)} feeds are read"


def _make_room(job: Job, progress: Progress, *, of: str, margin: timedelta = _MARGIN) -> None:
    """Go on in another attempt, which costs none, before time runs out in the middle of something."""
    if job.deadline is not None and job.deadline - datetime.now(UTC) < margin:
        job.checkpoint(progress.state())
        raise RetryLater(f"It goes on in a moment: {of}.", after=1, snooze=True)
