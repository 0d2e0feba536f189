"""Lines of a log group of CloudWatch Logs, found by a phrase, within bounds of number and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from muster.aws.client import make_client
from muster.aws.failure import service_errors, translate
from muster.clock import Clock, SystemClock
from muster.errors import RetryableError

#: Longest silence of CloudWatch Logs within one try, in seconds.
READ_TIMEOUT = 5


class LogsUnavailable(RetryableError):
    """CloudWatch Logs did not answer."""

    code = "logs_unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One event of a log stream."""

    at: datetime
    stream: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Lines in the order of their times."""

    lines: tuple[Line, ...]
    #: False: there may be more than the bounds allowed to look at.
    complete: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is looked for."""

    group: str
    #: The one stream to look into; empty: all that have lines of the time.
    stream: str
    #: Is in every line that is wanted.
    phrase: str
    since: datetime
    until: datetime


class Logs:
    """CloudWatch Logs by boto3. The client is made on first use.

    Args:
        client: use this boto3 client; None makes one with bounded waits.
        clock: measures the patience.
    """

    def __init__(self, *, client: Any = None, clock: Clock | None = None) -> None:
        self._given = client
        self._clock = clock or SystemClock()

    @cached_property
    def _client(self) -> Any:
        return self._given or make_client("logs", read_timeout=READ_TIMEOUT)

    def find(self, wanted: Wanted, *, limit: int, patience: timedelta) -> Found:
        """The first lines, by time, that have the phrase.

        Args:
            limit: lines at most.
            patience: no further page is asked for after this time.

        Raises:
            ConfigurationError: the group is not there, or may not be read.
            LogsUnavailable: it cannot be reached.
        """
        asked: dict[str, Any] = {
            "logGroupName": wanted.group,
            "filterPattern": f'"{wanted.phrase}"',
            "startTime": _milliseconds(wanted.since),
            "endTime": _milliseconds(wanted.until),
            "limit": limit,
        }
        if wanted.stream:
            asked["logStreamNames"] = [wanted.stream]
        found: list[Line] = []
        end = self._clock.monotonic() + patience.total_seconds()
        while True:
            page = self._page(asked, wanted.group)
            found += [_line(event) for event in page["events"] if wanted.phrase in event["message"]]
            token = page.get("nextToken")
            if token is None or len(found) >= limit or self._clock.monotonic() >= end:
                cut = token is not None or len(found) >= limit
                return Found(
                    lines=tuple(sorted(found[:limit], key=lambda line: line.at)), complete=not cut
                )
            asked["nextToken"] = token

    def _page(self, asked: dict[str, Any], group: str) -> dict[str, Any]:
        try:
            return self._client.filter_log_events(**asked)
        except service_errors() as exc:
            raise translate(
                exc,
                action="logs:FilterLogEvents",
                resource=f"log group {group}",
                unavailable=LogsUnavailable,
            ) from exc


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _line(event: dict[str, Any]) -> Line:
    return Line(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        stream=event.get("logStreamName", ""),
        text=event["message"].rstrip("\n"),
    )
