"""Durations as manifests write them: `1s`, `2m`, `1h30m`, `11h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

#: Nine digits an entry keep every sum inside what timedelta can hold.
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read hours, minutes and seconds, in this order, each at most once.

    Raises:
        ValueError: not of that form.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is not a duration such as 90s, 2m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """The shortest form that `parse_duration` reads back; fractions of a second are dropped."""
    seconds = int(duration.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    parts = [(hours, "h"), (minutes, "m"), (seconds % 60, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
