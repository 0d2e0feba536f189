"""Points in time as manifests and schedules write them."""

from __future__ import annotations

from datetime import UTC, datetime

_CURE = "write a time such as 2026-01-31T09:00:00, or with its offset 2026-01-31T09:00:00+01:00"


class NoMoment(ValueError):
    """It is no point in time; the message says what would be one."""


def read_moment(value: object, *, timezone: str) -> datetime:
    """The point in time, in UTC. One without an offset is of the zone, at its first coming.

    Args:
        value: a datetime, or a text in ISO 8601.
        timezone: IANA name.

    Raises:
        NoMoment: it is neither, or clocks of the zone skip it.
        ZoneInfoNotFoundError: there is no such zone.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise NoMoment(_CURE) from error
    if not isinstance(moment, datetime):
        raise NoMoment(_CURE)
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        found = from_local(moment, timezone=timezone)
    except OverflowError as error:
        raise NoMoment(_CURE) from error
    if found is None:
        raise NoMoment(f"clocks of {timezone} skip this time; write one that exists")
    return found


def from_local(local: datetime, *, timezone: str) -> datetime | None:
    """What a clock of the zone shows, as a time in UTC: its first coming, None where clocks skip it.

    Raises:
        ZoneInfoNotFoundError: there is no such zone.
    """
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(timezone)
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def is_timezone(name: str) -> bool:
    """Whether this is the IANA name of a time zone."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
