"""The coming times of a schedule as people read them: in its zone, in UTC, with what clocks do to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from muster.manifest.moment import from_local
from muster.schedule.rule import Rule

#: Skipped times that are shown between two that fire.
MOST_SKIPPED = 20


@dataclass(frozen=True, kw_only=True)
class Look:
    """One planned time, or one that clocks skip."""

    #: None: clocks of the zone skip it, and nothing fires.
    moment: datetime | None
    #: What a clock of the zone shows, with its offset where it exists.
    local: str
    #: What a change of the clocks does to it; empty for most.
    note: str = ""


class Outlook:
    """The times of one rule.

    Args:
        zone: in which they are shown; the rule's own.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._rule.timezone)

    def after(self, moment: datetime) -> Iterator[Look]:
        """Its times after a moment, and among them those that clocks skip."""
        before = moment.astimezone(self._zone)
        while (found := self._rule.next(after=before)) is not None:
            local = found.astimezone(self._zone)
            yield from self._skipped(before, local)
            yield Look(moment=found, local=local.isoformat(), note=self._note(before, local))
            before = local

    def between(self, first: datetime, end: datetime) -> Iterator[datetime]:
        """Its times in [`first`, `end`), in UTC."""
        found = self._rule.next(after=first - timedelta(microseconds=1))
        while found is not None and found < end:
            yield found.astimezone(UTC)
            found = self._rule.next(after=found)

    def _note(self, before: datetime, local: datetime) -> str:
        notes: list[str] = []
        if before.utcoffset() != local.utcoffset():
            notes.append(f"clocks changed from {_offset(before)} to {_offset(local)}")
        again = local.replace(fold=1)
        if local.fold == 0 and again.utcoffset() != local.utcoffset() and self._rule.kind == "cron":
            notes.append("clocks show it twice; it fires the first time")
        return "; ".join(notes)

    def _skipped(self, before: datetime, local: datetime) -> Iterator[Look]:
        """Times of cron that no clock shows: they lie where the offset rises."""
        if self._rule.kind != "cron" or _seconds(before) >= _seconds(local):
            return
        shown = Rule(kind="cron", expression=self._rule.expression)
        wall, end = (each.replace(tzinfo=UTC) for each in (before, local))
        for _ in range(MOST_SKIPPED):
            found = shown.next(after=wall)
            if found is None or found >= end:
                return
            wall = found
            naive = found.replace(tzinfo=None)
            if from_local(naive, timezone=self._rule.timezone) is None:
                note = f"skipped: clocks go from {_offset(before)} to {_offset(local)}"
                yield Look(moment=None, local=naive.isoformat(), note=note)


def _seconds(moment: datetime) -> float:
    offset = moment.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _offset(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")[16:]
