"""When a cron expression fires next in a time zone.

The rule of EventBridge Scheduler holds at changes of the clock: a time that does not exist is skipped, and
one that comes twice fires at its first coming. cronsim would fire the former an hour later and some of the
latter twice, so it walks the zone's clock as if it never changed, and what it finds is placed in time here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from muster.manifest.moment import from_local

#: Results kept: one per (expression, zone, moment), however many schedules share them.
_KEPT = 4096

_MINUTE = timedelta(minutes=1)


def next_cron(expression: str, *, timezone: str, after: datetime) -> datetime | None:
    """The first time after a moment, in UTC; None when it never fires again.

    Args:
        expression: five fields that `check_cron` found good.
        timezone: IANA name.
        after: aware.
    """
    # Cron's times are whole minutes, so every moment within one has the same next time.
    return _next(expression, timezone, after.replace(second=0, microsecond=0))


@lru_cache(maxsize=_KEPT)
def _next(expression: str, timezone: str, after: datetime) -> datetime | None:
    return next(cron_times(expression, timezone=timezone, after=after), None)


def cron_times(expression: str, *, timezone: str, after: datetime) -> Iterator[datetime]:
    """All times after a whole minute, in UTC and in order, as long as there are any."""
    from zoneinfo import ZoneInfo

    from cronsim import CronSim

    local = after.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    for shown in CronSim(expression, local):
        moment = from_local(shown, timezone=timezone)
        # In an hour that comes again the clock shows times whose first coming is past.
        if moment is not None and moment > after:
            yield moment


def last_cron(expression: str, *, timezone: str, first: datetime, now: datetime) -> datetime:
    """The last time in [`first`, `now`], where `first` is one."""
    low, high = 0, (now - first) // _MINUTE
    # The next time after `first + n minutes` never falls as n grows: find the largest n whose is not over.
    found = first
    while low <= high:
        middle = (low + high) // 2
        moment = next_cron(expression, timezone=timezone, after=first + middle * _MINUTE)
        if moment is not None and moment <= now:
            found, low = moment, middle + 1
        else:
            high = middle - 1
    return found
