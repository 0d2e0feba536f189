"""Planned times that nobody recorded when they came: how many there were, and the last of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile

from muster.manifest.duration import parse_duration
from muster.schedule.cron import cron_times
from muster.schedule.rule import Rule

#: Times that are counted one by one: a week of minutes. Where more were missed, the count says this many.
COUNTED = 10_080

_MINUTE = timedelta(minutes=1)
#: By so much the window that holds the last times grows until it does.
_WIDER = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """The times of a rule within a span of the past."""

    #: How many there are; those of cron count up to COUNTED.
    total: int
    #: The last of them, in order.
    last: tuple[datetime, ...]


def past_times(rule: Rule, *, first: datetime, until: datetime, most: int) -> Past:
    """Times in [`first`, `until`], of which `first` is one unless it is later; `most` of them by name."""
    until = until if rule.end is None else min(until, rule.end)
    if until < first:
        return Past(total=0, last=())
    match rule.kind:
        case "cron":
            # Cron's times are whole minutes, so every moment within one has the same past.
            whole = until.replace(second=0, microsecond=0)
            return _of_cron(rule.expression, rule.timezone, first, whole, most)
        case "every":
            period = parse_duration(rule.expression)
            total = (until - first) // period + 1
            kept = range(max(0, total - most), total)
            return Past(total=total, last=tuple(first + n * period for n in kept))
        case _:
            return Past(total=1, last=(first,)[:most])


@lru_cache(maxsize=1024)
def _of_cron(expression: str, timezone: str, first: datetime, until: datetime, most: int) -> Past:
    def times(since: datetime) -> Iterator[datetime]:
        found = cron_times(expression, timezone=timezone, after=since - _MINUTE)
        return takewhile(lambda moment: moment <= until, found)

    counted = list(islice(times(first), COUNTED + 1))
    if len(counted) <= COUNTED:
        return Past(
            total=len(counted), last=tuple(counted[len(counted) - min(most, len(counted)) :])
        )
    window = most * _MINUTE
    while len(last := deque(times(max(first, until - window)), maxlen=most)) < most:
        window *= _WIDER
    return Past(total=COUNTED, last=tuple(last))
