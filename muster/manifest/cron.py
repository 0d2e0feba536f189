"""Whether five cron fields can ever fire. When they fire is decided elsewhere."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

#: Field, its bounds, and the words that stand for its numbers.
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)

_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,4}))?", re.ASCII)
_MONTH_LENGTHS = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))


def check_cron(expression: str) -> str | None:
    """What is wrong with a cron expression of five fields, or None."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return "write five fields: minute, hour, day of month, month, day of week"
    values: list[set[int]] = []
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        found = _field(text.lower(), low, high, words)
        if found is None:
            return f"{name} {text!r}: write *, numbers from {low} to {high}, lists, ranges or steps"
        values.append(found)
    days, months = values[2], values[3]
    # A day of week that begins with * narrows the days of the month; any other adds to them.
    if fields[4].startswith("*") and min(days) > max(_MONTH_LENGTHS[month] for month in months):
        return "this day comes in none of these months; write one that exists"
    return None


def _field(text: str, low: int, high: int, words: dict[str, int]) -> set[int] | None:
    found: set[int] = set()
    for part in text.split(","):
        values = _part(part, low, high, words)
        if not values:
            return None
        found |= values
    return found


def _part(part: str, low: int, high: int, words: dict[str, int]) -> set[int] | None:
    match = _PART.fullmatch(part)
    if match is None:
        return None
    first, last, step = match.groups()
    if step is not None and not 1 <= int(step) <= high:
        return None
    start = low if first is None else _number(first, words)
    if last is not None and last == first and step is not None:
        return None  # readers differ on a step within one number
    open_ended = first is None or step is not None
    end = _number(last, words) if last is not None else high if open_ended else start
    if start is None or end is None or not low <= start <= end <= high:
        return None
    return set(range(start, end + 1, int(step or 1)))


def _number(text: str, words: dict[str, int]) -> int | None:
    return words.get(text, int(text) if text.isdecimal() and len(text) <= 4 else None)
