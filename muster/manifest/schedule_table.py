"""`[[schedule]]`, read into its value."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from muster.lane import LANES
from muster.manifest.cron import check_cron
from muster.manifest.duration import format_duration
from muster.manifest.limits import LEAST_PERIOD, MOST_JITTER
from muster.manifest.model import Schedule
from muster.manifest.moment import is_timezone
from muster.manifest.problem import MISSING, shown
from muster.manifest.reader import Reader
from muster.manifest.sections import NAME, NAME_CURE

_WAYS = ("cron", "every", "at")


def read_schedule(reader: Reader) -> Schedule:
    """One `[[schedule]]`."""
    name = reader.text("name", required=True, pattern=NAME, cure=NAME_CURE)
    zone = _timezone(reader)
    ways = [key for key in _WAYS if reader.has(key)]
    if len(ways) != 1:
        found = ", ".join(ways) or MISSING
        reader.problem(ways[-1] if ways else "cron", found, "write one of cron, every and at")
    start, end = reader.moment("start", timezone=zone), reader.moment("end", timezone=zone)
    if start is not None and end is not None and end < start:
        reader.problem("end", shown(end.isoformat()), "write a time after start")
    for key, bound in (("start", start), ("end", end)):
        if reader.has("at") and bound is not None:
            cure = "leave it out: a schedule with at fires once"
            reader.problem(key, shown(bound.isoformat()), cure)
    schedule = Schedule(
        name=name or "",
        cron=_cron(reader),
        every=reader.duration("every", None, least=LEAST_PERIOD),
        at=reader.moment("at", timezone=zone),
        timezone=zone,
        params=reader.json("params") or {},
        priority=cast("str", reader.choice("priority", "normal", LANES)),
        enabled=reader.flag("enabled", default=True),
        start=start,
        end=end,
        jitter=_jitter(reader),
        overlap=cast("str", reader.choice("overlap", "allow", ("allow", "skip", "queue"))),
        missed=cast("str", reader.choice("missed", "latest", ("skip", "latest", "all"))),
    )
    reader.finish()
    return schedule


def _jitter(reader: Reader) -> timedelta | None:
    jitter = reader.duration("jitter", None)
    if jitter is None or jitter <= MOST_JITTER:
        return jitter
    reader.problem(
        "jitter", shown(format_duration(jitter)), f"write at most {format_duration(MOST_JITTER)}"
    )
    return None


def _timezone(reader: Reader) -> str:
    zone = reader.text("timezone", "UTC", cure="write an IANA time zone") or "UTC"
    if is_timezone(zone):
        return zone
    reader.problem("timezone", shown(zone), "write an IANA time zone, such as Europe/Berlin")
    return "UTC"


def _cron(reader: Reader) -> str | None:
    cron = reader.text("cron", cure='write five fields, such as "0 * * * *"')
    flaw = check_cron(cron) if cron is not None else None
    if flaw is not None:
        reader.problem("cron", shown(cron), flaw)
    return cron
