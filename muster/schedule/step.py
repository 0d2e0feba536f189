"""What the dispatcher does with one schedule that is due: a pure decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from muster.schedule.past import past_times
from muster.schedule.rule import Rule

#: A time counts as missed when no tick recorded it until this long after it; before, it is merely late.
LATE = timedelta(minutes=2)

#: Of the times that were missed, `all` makes up the last ones only, this many of a schedule.
MOST_MADE_UP = 100

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Fire for one planned time, or for none, and look at the schedule again at another."""

    #: None: nothing fires now.
    planned: datetime | None = None
    #: None: nothing fires ever again.
    next_at: datetime | None = None
    #: Planned times that this step passes over since they were missed.
    missed: int = 0


def step(
    rule: Rule,
    *,
    next_at: datetime | None,
    effective: datetime,
    ready: bool,
    missed: str,
    now: datetime,
    horizon: datetime,
) -> Step:
    """Decide about a schedule.

    Args:
        next_at: its next planned time; None when nobody has planned it since it took effect.
        effective: when it took effect as it is now; nothing planned before fires.
        ready: whether its agent takes jobs; while it does not, what falls due is dropped.
        missed: skip | latest | all: which of the times that are past fire.
        horizon: what is planned until then fires now, with a delay.
    """
    first = next_at or rule.next(after=effective)
    if first is None or first > horizon:
        return Step(next_at=first)
    if not ready:
        return Step(next_at=rule.next(after=now) if first <= now else first)
    if first > now:
        return Step(planned=first, next_at=rule.next(after=first))
    return _POLICIES[missed](rule, first, now)


def _skip(rule: Rule, first: datetime, now: datetime) -> Step:
    """Nothing that was missed fires."""
    if first >= now - LATE:
        return Step(planned=first, next_at=rule.next(after=first))
    return Step(
        next_at=rule.next(after=now - LATE - _INSTANT),
        missed=past_times(rule, first=first, until=now - LATE - _INSTANT, most=0).total,
    )


def _latest(rule: Rule, first: datetime, now: datetime) -> Step:
    """Of what is past the last one fires."""
    planned = rule.last(first=first, now=now)
    passed = min(planned, now - LATE) - _INSTANT
    return Step(
        planned=planned,
        next_at=rule.next(after=planned),
        missed=past_times(rule, first=first, until=passed, most=0).total,
    )


def _all(rule: Rule, first: datetime, now: datetime) -> Step:
    """All that is past fires, one step after another; of very much of it the last ones."""
    past = past_times(rule, first=first, until=now, most=MOST_MADE_UP)
    planned = past.last[0]
    return Step(
        planned=planned,
        next_at=rule.next(after=planned),
        missed=past.total - len(past.last),
    )


_POLICIES: dict[str, Callable[[Rule, datetime, datetime], Step]] = {
    "skip": _skip,
    "latest": _latest,
    "all": _all,
}
