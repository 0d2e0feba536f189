"""A schedule's rule: when it fires, by cron expression, rate or single time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from muster.errors import ConfigurationError
from muster.manifest.cron import check_cron
from muster.manifest.duration import parse_duration
from muster.manifest.limits import LEAST_PERIOD
from muster.manifest.moment import NoMoment, is_timezone, read_moment
from muster.schedule.cron import last_cron, next_cron

#: Rates without a start count from here.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INSTANT = timedelta(microseconds=1)


class BadRule(ConfigurationError):
    """The rule can never fire, or is none."""

    code = "bad_schedule"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When a schedule fires.

    Raises:
        BadRule: it cannot; the message says why.
    """

    #: cron | every | at
    kind: str
    #: Five fields; a duration such as 10m; a time in ISO 8601.
    expression: str
    #: IANA name; of the fields, and of a time without an offset.
    timezone: str = "UTC"
    #: Nothing fires before; rates count from here.
    start: datetime | None = None
    #: Nothing fires later.
    end: datetime | None = None

    def __post_init__(self) -> None:
        flaw = _flaw(self.kind, self.expression, self.timezone)
        if flaw is not None:
            raise BadRule(f"{self.kind} {self.expression!r}: {flaw}")

    def next(self, *, after: datetime) -> datetime | None:
        """The first time after a moment; None when there is none."""
        if self.start is not None:
            after = max(after, self.start - _INSTANT)
        found = self._next(after)
        return None if found is None or (self.end is not None and found > self.end) else found

    def last(self, *, first: datetime, now: datetime) -> datetime:
        """The last time in [`first`, `now`], where `first` is one."""
        until = now if self.end is None else min(now, self.end)
        match self.kind:
            case "cron":
                return last_cron(self.expression, timezone=self.timezone, first=first, now=until)
            case "every":
                period = parse_duration(self.expression)
                return first + (until - first) // period * period
            case _:
                return first

    def _next(self, after: datetime) -> datetime | None:
        match self.kind:
            case "cron":
                return next_cron(self.expression, timezone=self.timezone, after=after)
            case "every":
                period, anchor = parse_duration(self.expression), self.start or EPOCH
                return anchor + ((after - anchor) // period + 1) * period
            case _:
                moment = read_moment(self.expression, timezone=self.timezone)
                return moment if moment > after else None


@lru_cache(maxsize=4096)
def _flaw(kind: str, expression: str, timezone: str) -> str | None:
    """Why this can never fire."""
    if not is_timezone(timezone):
        return f"time zone {timezone!r} is not known; write an IANA one, such as Europe/Berlin"
    match kind:
        case "cron":
            return check_cron(expression)
        case "every":
            return _rate_flaw(expression)
        case "at":
            try:
                read_moment(expression, timezone=timezone)
            except NoMoment as flaw:
                return str(flaw)
            return None
        case _:
            return "the kind is one of cron, every, at"


def _rate_flaw(expression: str) -> str | None:
    try:
        period = parse_duration(expression)
    except ValueError as flaw:
        return str(flaw)
    return None if period >= LEAST_PERIOD else f"at least {LEAST_PERIOD.seconds}s"
